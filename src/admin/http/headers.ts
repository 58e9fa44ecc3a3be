import helmet from 'helmet'
import type { RequestHandler } from 'express'

/**
 * The security headers of every answer. They replace what the host sets, on the dashboard's routes only. Only the host knows whether the
 * site is https-only, so there is no HSTS and no upgrade-insecure-requests.
 */
export const securityHeaders: RequestHandler = helmet({
  contentSecurityPolicy: {
    useDefaults: false,
    directives: {
      defaultSrc: ["'none'"],
      scriptSrc: ["'self'"],
      styleSrc: ["'self'"],
      imgSrc: ["'self'"],
      connectSrc: ["'self'"],
      formAction: ["'self'"],
      baseUri: ["'none'"],
      frameAncestors: ["'none'"],
    },
  },
  // With no-referrer, Chromium sends "Origin: null" with our own forms.
  referrerPolicy: { policy: 'same-origin' },
  xFrameOptions: { action: 'deny' },
  strictTransportSecurity: false,
  // Chromium complains on the console if other pages of the origin were opened without this header.
  originAgentCluster: false,
})
