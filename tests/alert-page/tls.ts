/**
 * Another site in a test: https before a plain server, with a certificate that nobody has signed but itself.
 */
import { createSign, generateKeyPairSync, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';

/** DER: tag, length, content. */
function der(tag: number, ...parts: readonly (Buffer | readonly number[])[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const SEQUENCE = 0x30;
const ECDSA_SHA256 = der(SEQUENCE, der(0x06, [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]));
const NAME = der(
  SEQUENCE,
  der(0x31, der(SEQUENCE, der(0x06, [0x55, 0x04, 0x03]), der(0x0c, Buffer.from('localhost')))),
);
const VALID = der(SEQUENCE, der(0x17, Buffer.from('250101000000Z')), der(0x17, Buffer.from('490101000000Z')));

/** A key and a certificate for it, as PEM. */
function selfSigned(): { key: string; cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const serial = der(0x02, [1, ...randomBytes(7)]);
  const version = der(0xa0, der(0x02, [2]));
  const body = der(
    SEQUENCE,
    version,
    serial,
    ECDSA_SHA256,
    NAME,
    VALID,
    NAME,
    publicKey.export({ type: 'spki', format: 'der' }),
  );
  const signature = createSign('sha256').update(body).sign(privateKey);
  const certificate = der(SEQUENCE, body, ECDSA_SHA256, der(0x03, [0], signature));
  const lines = certificate
    .toString('base64')
    .match(/.{1,64}/g)
    ?.join('\n');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
  };
}

/** https on a free port, passing everything on; or answering every request with one page. */
export async function https(
  behind: () => number | { readonly page: string },
): Promise<{ readonly port: number } & AsyncDisposable> {
  const server: Server = createServer(selfSigned(), (req, res) => {
    const to = behind();
    if (typeof to === 'object') return void res.setHeader('content-type', 'text/html').end(to.page);
    const onward = request({
      port: to,
      host: '127.0.0.1',
      path: req.url,
      method: req.method,
      headers: req.headers,
    });
    onward.on('response', (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(res);
    });
    onward.on('error', () => res.destroy());
    req.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
      server.closeAllConnections();
    },
  };
}
