/**
 * SMART Backend Services: who we are, signed with a key of ours, and the public halves of those keys.
 *
 * Source: SMART App Launch 2.2, asymmetric client authentication.
 */
import { randomUUID } from 'node:crypto';
import { importJWK, importPKCS8, type JWK, SignJWT } from 'jose';
import type { BackendServices, ServiceAccount, SigningKey } from './connection.ts';

const LIFE_SECONDS = 240; // at most five minutes are allowed

/** @param now milliseconds since the epoch */
export async function clientAssertion(
  { clientId, tokenUrl, keys }: Pick<BackendServices, 'clientId' | 'tokenUrl' | 'keys'>,
  now: number,
): Promise<string> {
  const [key] = keys;
  if (key === undefined) throw new Error('a client that proves itself by keys has none');
  const seconds = Math.floor(now / 1000);
  return new SignJWT({})
    .setProtectedHeader({ alg: key.alg, kid: key.kid, typ: 'JWT' })
    .setIssuer(clientId)
    .setSubject(clientId)
    .setAudience(tokenUrl)
    .setJti(randomUUID())
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + LIFE_SECONDS)
    .sign(await importJWK(key as JWK, key.alg));
}

/** What a service account says of itself to get a token (RFC 7523 2.1). @param now milliseconds since the epoch */
export async function accountStatement(
  { email, privateKey, keyId, tokenUrl, scope }: ServiceAccount,
  now: number,
): Promise<string> {
  const seconds = Math.floor(now / 1000);
  return new SignJWT({ scope })
    .setProtectedHeader({ alg: 'RS256', kid: keyId, typ: 'JWT' })
    .setIssuer(email)
    .setAudience(tokenUrl)
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + LIFE_SECONDS)
    .sign(await importPKCS8(privateKey, 'RS256'));
}

const PUBLIC_MEMBERS = ['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'alg'];

/** The key set that authorization servers read: every member of a key that is not secret, and no other. */
export function publicKeySet(keys: readonly SigningKey[]): { keys: object[] } {
  const unique = new Map(keys.map((key) => [key.kid, key]));
  return {
    keys: [...unique.values()].map((key) => ({
      ...Object.fromEntries(Object.entries(key).filter(([member]) => PUBLIC_MEMBERS.includes(member))),
      use: 'sig',
      key_ops: ['verify'],
    })),
  };
}
