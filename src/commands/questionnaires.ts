/**
 * `cramp-cds questionnaires`: puts the cramp diary and the symptom checklist on a connected server.
 *
 * Why a command: forms are the hospital's to offer. Somebody decides it once; the running service writes none.
 * A form is known by its canonical address and version: what is there is left alone, an older one is updated.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Questionnaire } from '@medplum/fhirtypes';
import type { Config } from '../config.ts';
import { Gate } from '../connections/gate.ts';
import type { WriteOutcome } from '../connections/outcomes.ts';
import { contentOf } from '../connections/write-permit.ts';
import { deviceSystem } from '../delivery/service.ts';
import { connectionNamed } from './connect.ts';
import type { Terminal } from './terminal.ts';

/** A form of ours, or one as a server holds it. */
export type Form = Questionnaire & { url: string; version: string };

/** What became of one form. */
export type Installed =
  | { readonly done: 'installed' | 'already there' | 'updated'; readonly note?: string }
  | { readonly done: 'not installed'; readonly note: string };

/**
 * Installs every form of the folder and says in words what became of each.
 *
 * @returns the exit code: 1 when one could not be installed.
 * @throws InputError when no connection has this id.
 */
export async function installQuestionnaires(
  { connections, publicUrl }: Pick<Config, 'connections' | 'publicUrl'>,
  connectionId: string,
  folder: string,
  terminal: Terminal,
): Promise<0 | 1> {
  const connection = connectionNamed(connections, connectionId);
  const forms = readForms(folder);
  const gate = new Gate(connection, deviceSystem(publicUrl), { forms });
  let refused = false;
  for (const form of forms) {
    const { done, note } = await install(gate, form);
    refused ||= done === 'not installed';
    const remark = note === undefined ? '' : `: ${note}`;
    terminal.write(`${form.title} ${form.version} (${form.url}) ${done}${remark}`);
  }
  return refused ? 1 : 0;
}

function readForms(folder: string): Form[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Form);
}

/** One form on one server; a second time changes nothing. */
export async function install(gate: Gate, form: Form): Promise<Installed> {
  const found = await gate.searchAll('Questionnaire', { url: form.url });
  switch (found.outcome) {
    case 'found':
      break;
    case 'hidden':
      return failed('the server does not let this service search Questionnaires');
    case 'try-later':
      return failed(`the server did not answer (${found.because}); try again later`);
    case 'refused':
      return failed(`the server refused the search (${found.reason})`);
  }
  // A server that ignores the parameter would answer with every form it holds.
  const there = found.resource.filter(
    (one): one is Questionnaire & { id: string } =>
      one.resourceType === 'Questionnaire' && one.url === form.url && one.id !== undefined,
  );
  const same = there.find(({ version }) => version === form.version);
  if (same !== undefined) return alreadyThere(same, form);
  const [only, ...others] = there;
  if (only === undefined) return created(await gate.createIfNoneAt(withoutId(form)));
  if (others.length > 0) return failed(`${there.length} forms have this address, and none this version`);
  if (isNewer(only.version, form.version))
    return { done: 'already there', note: `the server holds ${only.version}, a newer one` };
  return updated(await gate.update({ ...form, id: only.id }, only.meta?.versionId), only.version);
}

/** What people changed on their server stays as it is. */
function alreadyThere(there: Questionnaire, form: Form): Installed {
  return contentOf(there) === contentOf(form)
    ? { done: 'already there' }
    : { done: 'already there', note: 'its text differs from ours and was left as it is' };
}

function created(outcome: WriteOutcome): Installed {
  if (outcome.outcome !== 'written') return failed(reasonOf(outcome));
  return { done: outcome.created ? 'installed' : 'already there' };
}

function updated(outcome: WriteOutcome, from: string | undefined): Installed {
  if (outcome.outcome !== 'written') return failed(reasonOf(outcome));
  return { done: 'updated', note: `from ${from ?? 'one without a version'}` };
}

function failed(note: string): Installed {
  return { done: 'not installed', note };
}

function reasonOf(outcome: Exclude<WriteOutcome, { outcome: 'written' }>): string {
  switch (outcome.outcome) {
    case 'refused':
      return `the server refused it (${[outcome.reason, outcome.issue].filter(Boolean).join(', ')})`;
    case 'several':
      return 'several forms have this address';
    case 'conflict':
    case 'precondition':
      return 'somebody else changed it at the same time; try again';
    case 'version-needed':
      return 'the server updates only a version that it names, and it names none';
    case 'gone':
      return 'it was deleted while it was updated; try again';
    case 'ambiguous':
    case 'try-later':
      return `no certain answer (${outcome.because}); try again, a repeat does no harm`;
  }
}

/** The server chooses the id. */
function withoutId({ id: _, ...form }: Form): Form {
  return form;
}

/** Number by number: 1.10.0 is newer than 1.9.0. */
function isNewer(there: string | undefined, ours: string): boolean {
  return there !== undefined && there.localeCompare(ours, 'en', { numeric: true }) > 0;
}
