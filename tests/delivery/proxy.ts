/** Stands between the service and the sandbox, so that a test can act in the middle of an exchange. */
import { type Asked, reply, type ScriptedServer, startScripted } from '../connections/scripted-server.ts';

export interface Bystander extends ScriptedServer {
  /** Called before a request is passed on; a status answers it instead. */
  before: (asked: Asked) => Promise<number | undefined> | number | undefined;
  /** What passes by; the default is everything as it is. */
  capability: (statement: unknown) => unknown;
  writes(): Asked[];
}

export async function startProxy(target: string): Promise<Bystander> {
  const { origin } = new URL(target);
  const server = await startScripted(async (asked, response) => {
    const instead = await proxy.before(asked);
    if (instead !== undefined) return reply(response, instead);
    const { host: _, connection: __, 'content-length': ___, ...headers } = asked.headers;
    const answer = await fetch(`${origin}${asked.path}`, {
      method: asked.method,
      headers: headers as Record<string, string>,
      body: asked.body === '' ? null : asked.body,
    }).catch(() => undefined);
    if (answer === undefined) return response.destroy(); // the hospital's answer was lost
    const body = (await answer.json()) as unknown;
    const kept = ['etag', 'location'].flatMap((name) => [[name, answer.headers.get(name) ?? '']]);
    reply(
      response,
      answer.status,
      asked.path.endsWith('/metadata') ? proxy.capability(body) : body,
      Object.fromEntries(kept.filter(([, value]) => value)),
    );
  });
  const proxy: Bystander = Object.assign(server, {
    before: () => undefined,
    capability: (statement: unknown) => statement,
    writes: () => server.asked.filter(({ method, path }) => method !== 'GET' && !path.endsWith('_search')),
  });
  return proxy;
}
