/**
 * The token that a sender shows with its pushes, and where its keys are published.
 *
 * Why: Pub/Sub, Event Grid and HealthLake sign nothing; they fetch a token of an authorization server. The
 * sandbox is its own.
 */
import { generateKeyPairSync } from 'node:crypto';
import { type Response, Router } from 'express';
import { SignJWT } from 'jose';

export interface SenderClaims {
  readonly issuer: string;
  readonly audience: string;
  readonly [claim: string]: string;
}

const ALG = 'ES256';
const KEY_ID = 'pushes';

export class SenderToken {
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });

  /** Good for five minutes. */
  sign({ issuer, audience, ...claims }: SenderClaims): Promise<string> {
    return new SignJWT(claims)
      .setProtectedHeader({ alg: ALG, kid: KEY_ID })
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime('5 minutes')
      .sign(this.#keys.privateKey);
  }

  get publicKey(): object {
    return { ...this.#keys.publicKey.export({ format: 'jwk' }), kid: KEY_ID, alg: ALG, use: 'sig' };
  }

  /** `/auth/sender-keys` */
  router(): Router {
    const router = Router();
    const keys = [this.publicKey];
    router.get('/auth/sender-keys', (_, res: Response) => void res.json({ keys }));
    return router;
  }
}
