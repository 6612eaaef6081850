/**
 * Another site in a test: https before a plain server, with a certificate that nobody has signed but itself.
 */
import { request } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { selfSigned } from '../certificates.ts';

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
