import helmet from 'helmet'
import type { RequestHandler } from 'express'

/**
 * The security headers of every answer. They replace what the host sets, on the dashboard's routes only. Whether the
 * site is https-only is the host's to say, so there is no HSTS and no upgrade-insecure-requests.
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
  // with no-referrer Chromium sends "Origin: null" on our own forms
  referrerPolicy: { policy: 'same-origin' },
  xFrameOptions: { action: 'deny' },
  strictTransportSecurity: false,
  // Chromium complains on the console when other pages of the origin were opened without it
  originAgentCluster: false,
})
