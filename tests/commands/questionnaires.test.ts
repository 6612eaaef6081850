import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Bundle, Questionnaire } from '@medplum/fhirtypes';
import { InputError } from '../../src/commands/decide.ts';
import { installQuestionnaires } from '../../src/commands/questionnaires.ts';
import { terminalOn } from '../../src/commands/terminal.ts';
import { readConfig } from '../../src/config.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';

const FORMS = join(import.meta.dirname, '../../fhir-fixtures/questionnaires');
const DIARY = 'cramp-diary-questionnaire.json';
const URL_OF_DIARY = 'https://cramp-cds.org/fhir/Questionnaire/cramp-diary-questionnaire';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'forms-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => cpSync(FORMS, folder, { recursive: true }));

describe.each(['allowed', 'refused'] as const)(
  'questionnaires on a server with client ids %s',
  (clientIds) => {
    it('are installed once; a second time everything is there already', async () => {
      await using sandbox = await startSandbox({ port: 0, clientIds, deliverAs: 'hapi' });
      const first = await run(sandbox);
      expect(first.code).toBe(0);
      expect(first.lines).toEqual([
        `Cramp diary 1.0.0 (${URL_OF_DIARY}) installed`,
        expect.stringMatching(/^Symptom checklist .* installed$/),
      ]);
      const again = await run(sandbox);
      expect(again.code).toBe(0);
      expect(again.lines.every((line) => line.endsWith(' already there'))).toBe(true);
      expect(await held(sandbox)).toHaveLength(1);
      expect(sandbox.requests.filter(({ method }) => method !== 'GET')).toHaveLength(2);
    });

    it('are updated under their own id when ours is newer, and left alone when ours is older', async () => {
      await using sandbox = await startSandbox({ port: 0, clientIds, deliverAs: 'hapi' });
      await run(sandbox);
      const [before] = await held(sandbox);
      changeDiary({ version: '1.10.0' });
      expect(await run(sandbox)).toMatchObject({
        code: 0,
        lines: [expect.stringMatching(/updated: from 1.0.0$/), /./],
      });
      const [after] = await held(sandbox);
      expect([after?.id, after?.version]).toEqual([before?.id, '1.10.0']);
      changeDiary({ version: '1.9.0' });
      const older = await run(sandbox);
      expect(older.code).toBe(0);
      expect(older.lines[0]).toMatch(/already there: the server holds 1.10.0, a newer one$/);
      expect(await held(sandbox)).toHaveLength(1);
    });
  },
);

describe('a questionnaire that can not be installed', () => {
  it('is named with its reason, the other one is still installed, and the exit code is 1', async () => {
    await using sandbox = await startSandbox({ port: 0, clientIds: 'refused', deliverAs: 'hapi' });
    sandbox.faults.onRequest({ method: 'POST', path: /^\/Questionnaire/, answer: { status: 403 } });
    const { code, lines } = await run(sandbox);
    expect(code).toBe(1);
    expect(lines[0]).toMatch(/not installed: the server refused it \(forbidden\b.*\)$/);
    expect(lines[1]).toMatch(/ installed$/);
  });

  it('may be tried again after an answer that was lost, without a second copy', async () => {
    await using sandbox = await startSandbox({ port: 0, clientIds: 'refused', deliverAs: 'hapi' });
    sandbox.faults.onRequest({ method: 'POST', path: /^\/Questionnaire/, answer: 'answer-lost' });
    const lost = await run(sandbox);
    expect([lost.code, lost.lines[0]]).toEqual([1, expect.stringMatching(/no certain answer \(network\)/)]);
    expect((await run(sandbox)).lines[0]).toMatch(/already there$/);
    expect(await held(sandbox)).toHaveLength(1);
  });

  it('keeps what people changed on their server, and says so', async () => {
    await using sandbox = await startSandbox({ port: 0, clientIds: 'allowed', deliverAs: 'hapi' });
    await sandbox.load([{ ...diary(), title: 'Our own diary' }]);
    const { code, lines } = await run(sandbox);
    expect([code, lines[0]]).toEqual([
      0,
      expect.stringMatching(/text differs from ours and was left as it is$/),
    ]);
    expect((await held(sandbox))[0]?.title).toBe('Our own diary');
  });

  it('is not guessed between two forms of one address', async () => {
    await using sandbox = await startSandbox({ port: 0, clientIds: 'allowed', deliverAs: 'hapi' });
    await sandbox.load(['a', 'b'].map((id) => ({ ...diary(), id, version: `0.${id}` })));
    const { code, lines } = await run(sandbox);
    expect([code, lines[0]]).toEqual([1, expect.stringMatching(/2 forms have this address/)]);
  });

  it('needs a connection of the configuration, and the message names those there are', async () => {
    await using sandbox = await startSandbox({ port: 0, clientIds: 'allowed', deliverAs: 'hapi' });
    const wrong = installQuestionnaires(configFor(sandbox), 'south', folder, terminalOn(process.stdout, {}));
    await expect(wrong).rejects.toThrow(InputError);
    await expect(wrong).rejects.toThrow('the configuration has north');
    expect(sandbox.requests).toEqual([]);
  });
});

function configFor(sandbox: Sandbox) {
  const file = join(folder, 'config.yaml'); // beside the forms, which end in .json
  const connection = {
    id: 'north',
    kind: 'generic-r4',
    base: sandbox.base,
    ingress: { auth: [{ type: 'header', header: 'X-Secret', secretFrom: 'env:PUSH_SECRET' }] },
    subscriptions: [{ criteria: 'Observation' }],
  };
  const settings = { homeTimeZone: 'UTC', publicUrl: 'https://cds.example.org', connections: [connection] };
  writeFileSync(file, JSON.stringify(settings)); // JSON is YAML
  return readConfig({ PUSH_SECRET: 'x'.repeat(32) }, file);
}

async function run(sandbox: Sandbox): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const terminal = { ...terminalOn(process.stdout, {}), write: (line: string) => void lines.push(line) };
  return { code: await installQuestionnaires(configFor(sandbox), 'north', folder, terminal), lines };
}

async function held({ base }: Sandbox): Promise<Questionnaire[]> {
  const found = await fetch(`${base}/Questionnaire?url=${encodeURIComponent(URL_OF_DIARY)}`);
  const { entry = [] } = (await found.json()) as Bundle<Questionnaire>;
  return entry.flatMap(({ resource }) => resource ?? []);
}

function diary(): Questionnaire {
  return JSON.parse(readFileSync(join(FORMS, DIARY), 'utf8')) as Questionnaire;
}

function changeDiary(change: Partial<Questionnaire>): void {
  writeFileSync(join(folder, DIARY), JSON.stringify({ ...diary(), ...change }));
}
