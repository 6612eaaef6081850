/**
 * Who answered, without a name: a keyed hash, the same for one person on cards and on the alert page.
 */
import { createHmac } from 'node:crypto';

/** @param secret of this installation; under another one every person is somebody else */
export function userHasher(secret: string): (connectionId: string, user: string) => string {
  return (connectionId, user) =>
    createHmac('sha256', `user:${secret}`)
      .update(JSON.stringify([connectionId, user]))
      .digest('hex')
      .slice(0, 32);
}
