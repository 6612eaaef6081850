/**
 * Child process of the intake benchmark: many connections, each with one push on its way at any time.
 *
 * Plain sockets: what the caller costs is taken from the same cores as what is measured.
 */
import { connect, type Socket } from 'node:net';
import { PATIENTS, pushRequest } from './intake-events.ts';

export interface Turn {
  readonly port: number;
  readonly seconds: number;
  readonly connections: number;
  /** Results of one patient that follow each other. */
  readonly panel: number;
}

export interface Answered {
  readonly acknowledged: number;
  /** Answers other than 200. */
  readonly refused: number;
  readonly seconds: number;
  readonly patients: number;
  readonly ms: readonly number[];
}

let sent = 0;

process.on('message', async ({ port, seconds, connections, panel }: Turn) => {
  const ms: number[] = [];
  const patients = new Set<number>();
  let refused = 0;
  const begun = performance.now();
  const until = begun + seconds * 1000;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = await connected(port);
      const answers = answersOn(socket);
      while (performance.now() < until) {
        const patient = Math.floor(sent / panel) % PATIENTS;
        const request = pushRequest(`e${sent++}`, patient);
        const at = performance.now();
        socket.write(request);
        if ((await answers()) === 200) ms.push(performance.now() - at);
        else refused += 1;
        patients.add(patient);
      }
      socket.destroy();
    }),
  );
  const answered: Answered = {
    acknowledged: ms.length,
    refused,
    seconds: (performance.now() - begun) / 1000,
    patients: patients.size,
    ms,
  };
  process.send?.(answered);
});

async function connected(port: number): Promise<Socket> {
  return await new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** The status of each next answer. Every candidate says the length of its body. */
function answersOn(socket: Socket): () => Promise<number> {
  let text = '';
  let answer: ((status: number) => void) | undefined;
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/\ncontent-length: *(\d+)/i.exec(text.slice(0, end + 2))?.[1]);
    if (!(text.length >= end + 4 + length)) return;
    const status = Number(text.slice(9, 12));
    text = '';
    answer?.(status);
  });
  socket.on('close', () => answer?.(0));
  return () =>
    new Promise((resolve) => {
      answer = resolve;
    });
}
