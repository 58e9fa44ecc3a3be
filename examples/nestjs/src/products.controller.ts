import {
  BadRequestException,
  Body,
  Controller,
  Get,
  HttpCode,
  NotFoundException,
  Param,
  Put,
  UseGuards,
} from '@nestjs/common'
import { type Product, ProductsService } from './products.service.js'
import { StaffGuard } from './staff.guard.js'

@Controller('products')
export class ProductsController {
  constructor(private readonly products: ProductsService) {}

  @Get(':id')
  async find(@Param('id') id: string): Promise<Product> {
    const product = await this.products.find(id)
    if (product === null) throw new NotFoundException()
    return product
  }

  @Put(':id')
  @HttpCode(204)
  @UseGuards(StaffGuard)
  async rename(@Param('id') id: string, @Body('name') name: unknown): Promise<void> {
    if (typeof name !== 'string') throw new BadRequestException('name must be text')
    await this.products.rename(id, name)
  }
}
