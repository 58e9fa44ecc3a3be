import { Module } from '@nestjs/common'
import { CacheModule } from './cache.module.js'
import { ProductsController } from './products.controller.js'
import { ProductsService } from './products.service.js'
import { SignInController } from './sign-in.controller.js'

@Module({
  imports: [CacheModule],
  controllers: [ProductsController, SignInController],
  providers: [ProductsService],
})
export class AppModule {}
