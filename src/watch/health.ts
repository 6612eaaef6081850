/**
 * `/livez`: the process answers. `/readyz`: it can commit, so a sender may push.
 */
import { Router } from 'express';

const LONGEST_PING_MS = 2000; // a load balancer asks again soon enough

export function health(ping: () => Promise<void>): Router {
  const router = Router();
  router.get('/livez', (_req, res) => void res.type('text/plain').send('alive\n'));
  router.get('/readyz', async (_req, res) => {
    const ready = await inTime(ping());
    res
      .status(ready ? 200 : 503)
      .type('text/plain')
      .send(ready ? 'ready\n' : 'not ready: the database does not answer, or takes no writes\n');
  });
  return router;
}

async function inTime(answer: Promise<void>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), LONGEST_PING_MS);
  });
  const answered = answer.then(
    () => true,
    () => false,
  );
  return Promise.race([answered, late]).finally(() => clearTimeout(timer));
}
