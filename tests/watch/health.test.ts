import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import express from 'express';
import { health } from '../../src/watch/health.ts';

/** Asks both addresses of a service whose database answers so. */
async function ask(ping: () => Promise<void>): Promise<Record<'livez' | 'readyz', [number, string]>> {
  const server = createServer(express().use(health(ping))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const get = async (path: string): Promise<[number, string]> => {
    const response = await fetch(`${base}/${path}`);
    return [response.status, (await response.text()).trim()];
  };
  try {
    return { livez: await get('livez'), readyz: await get('readyz') };
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

describe('the health of the service', () => {
  it('is ready while the database answers', async () => {
    expect(await ask(async () => undefined)).toEqual({ livez: [200, 'alive'], readyz: [200, 'ready'] });
  });

  it('is alive and not ready when the database refuses', async () => {
    const { livez, readyz } = await ask(() => Promise.reject(new Error('planted-134418')));
    expect(livez).toEqual([200, 'alive']);
    expect(readyz).toEqual([503, 'not ready: the database does not answer, or takes no writes']);
  });

  it('is not ready when the database says nothing for two seconds', async () => {
    const started = performance.now();
    const { readyz } = await ask(() => new Promise(() => undefined));
    expect(readyz[0]).toBe(503);
    expect(performance.now() - started).toBeLessThan(4000);
  });
});
