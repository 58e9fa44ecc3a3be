import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common'
import type { Request } from 'express'

declare module 'express-session' {
  interface SessionData {
    user: { name: string; isStaff: boolean }
  }
}

/** Lets in those whom the dashboard lets in. Guards do not see what is mounted by `app.use`: the dashboard looks for itself. */
@Injectable()
export class StaffGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.switchToHttp().getRequest<Request>().session.user?.isStaff === true
  }
}
