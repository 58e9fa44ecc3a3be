import { Body, Controller, Get, Post, Req, Res } from '@nestjs/common'
import type { Request, Response } from 'express'

/** In place of your own sign-in. */
@Controller('accounts/login')
export class SignInController {
  @Get()
  form(): string {
    return '<form method="post"><input name="password" type="password"> <button>Sign in</button></form>'
  }

  @Post()
  signIn(@Body('password') password: unknown, @Req() req: Request, @Res() res: Response): void {
    if (password !== process.env['STAFF_PASSWORD']) return res.redirect('/accounts/login')
    req.session.regenerate((error) => {
      if (error) return void res.sendStatus(500)
      req.session.user = { name: 'Ada', isStaff: true }
      res.redirect('/cache/')
    })
  }
}
