/**
 * `cramp-cds demo`: the whole path on one machine, without any configuration.
 *
 * A sandbox FHIR server and the service run in this process and talk over HTTP as they would across a
 * hospital. A story is played once; where it stopped is kept, so that a second start goes on from there.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Patient, Resource } from '@medplum/fhirtypes';
import { SERVICES_PATH } from '../cds-hooks/services.ts';
import type { Config } from '../config.ts';
import type { EpisodeChange, Tier } from '../core/decision.ts';
import type { RuleSet } from '../core/rules/rule-set.ts';
import type { Delivered } from '../delivery/deliver-owed.ts';
import { identityOf } from '../delivery/identity.ts';
import {
  beforeStory,
  FIXTURE_ANCHOR,
  readFixtures,
  readStory,
  type Story,
  shiftTimes,
} from '../demo/fixtures.ts';
import type { Evaluated } from '../evaluation/evaluate.ts';
import type { RuleModel } from '../rule-files/rule-model.ts';
import { type Sandbox, startSandbox } from '../sandbox/sandbox.ts';
import { SANDBOX_CLINICIAN } from '../sandbox/smart.ts';
import { type Running, start } from '../start.ts';
import { allOpenEpisodes } from '../store/episode.ts';
import { findWrites } from '../store/target-resource.ts';
import type { Log } from '../watch/log.ts';
import { onSandbox, SANDBOX, sandboxConnection } from './on-sandbox.ts';
import { type Terminal, TIER_STYLE, table } from './terminal.ts';

export interface DemoParts {
  readonly ruleSet: RuleSet;
  readonly ruleModels: readonly RuleModel[];
  readonly log: Log;
  readonly terminal: Terminal;
  /** Folder with the synthetic patients and the story. */
  readonly fixtures: string;
  /** Share of the story's own pace: 1 as written, 0 without pauses. */
  readonly pace: number;
}

/** Where the story stands, across restarts. */
interface Progress {
  /** Fixture times were shifted to here, once. */
  readonly startedAt: string;
  readonly secret: string;
  readonly stepsTold: number;
}

/** Runs until the signal; resolves when everything is closed. */
export async function demo(config: Config, parts: DemoParts, stop: AbortSignal): Promise<void> {
  const { terminal } = parts;
  const file = join(config.dataDir, 'demo.json');
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  if (!existsSync(file))
    terminal.write('Preparing the embedded database and the sandbox for the first time ...');
  let progress = readProgress(file);
  await using sandbox = await startSandbox({
    port: config.sandboxPort,
    clientIds: 'allowed',
    deliverAs: 'medplum',
    folder: join(config.dataDir, 'sandbox'),
  });
  const fixtures = readFixtures(parts.fixtures);
  const story = readStory(parts.fixtures, fixtures);
  const names = await loadPatients(sandbox, fixtures, story, new Date(progress.startedAt));
  const lines = new Lines(terminal, names, sandbox.base);
  await sandbox.load([SANDBOX_CLINICIAN], { notify: false, ifAbsent: true });
  const settings = onSandbox(config, sandboxConnection(config, sandbox.base, progress.secret));
  await using running = await start(settings, {
    ruleSet: parts.ruleSet,
    ruleModels: parts.ruleModels,
    log: parts.log,
    onEvaluated: (one) => lines.evaluated(one),
    onDelivered: (one) => lines.delivered(one),
  });
  lines.welcome(running.url, parts.ruleSet.rules.length, running.store.kind, settings.cdsHooks !== undefined);
  await running.subscribe();
  await running.quiet();
  lines.storyStarts(fixtures.length);
  const begun = Date.now();
  for (const [index, step] of story.steps.entries()) {
    if (index < progress.stepsTold) continue;
    await pause(begun + step.atSeconds * 1000 * parts.pace - Date.now(), stop);
    if (stop.aborted) return;
    lines.step(step.says);
    for (const resource of step.put)
      await put(sandbox.base, shiftTimes(resource, FIXTURE_ANCHOR, new Date(progress.startedAt)));
    await sandbox.deliveriesIdle();
    await running.quiet();
    progress = { ...progress, stepsTold: index + 1 };
    writeProgress(file, progress);
  }
  await showOpen(running, lines, terminal);
  showPage(running, sandbox, terminal);
  showNext(running, sandbox, story, terminal);
  await stopped(stop);
  terminal.write('');
  terminal.write('Stopping.');
}

async function loadPatients(
  sandbox: Sandbox,
  fixtures: ReturnType<typeof readFixtures>,
  story: Story,
  startedAt: Date,
): Promise<Map<string, string>> {
  const names = new Map<string, string>();
  for (const { bundle } of beforeStory(fixtures, story)) {
    const resources = (bundle.entry ?? []).flatMap(({ resource }) =>
      resource ? [shiftTimes(resource, FIXTURE_ANCHOR, startedAt)] : [],
    );
    await sandbox.load(resources as Resource[], { notify: false, ifAbsent: true });
    for (const patient of resources)
      if (patient.resourceType === 'Patient') names.set(patient.id ?? '', nameOf(patient));
  }
  return names;
}

function nameOf({ name, id }: Patient): string {
  const [first] = name ?? [];
  return first === undefined ? (id ?? '') : [...(first.given ?? []), first.family ?? ''].join(' ').trim();
}

/** What a laboratory system does: writes to the FHIR server, which then pushes. */
async function put(base: string, resource: Resource): Promise<void> {
  const url = `${base}/${resource.resourceType}/${resource.id}`;
  const response = await fetch(url, {
    method: 'PUT',
    headers: { 'content-type': 'application/fhir+json' },
    body: JSON.stringify(resource),
  });
  if (!response.ok) throw new Error(`the sandbox answered ${response.status} to a step of the story`);
}

function readProgress(file: string): Progress {
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Progress;
  const progress = {
    startedAt: new Date().toISOString(),
    secret: randomBytes(32).toString('hex'),
    stepsTold: 0,
  };
  writeProgress(file, progress);
  return progress;
}

/** Whole or not at all: a killed process must not leave half a file. */
function writeProgress(file: string, progress: Progress): void {
  writeFileSync(`${file}.new`, JSON.stringify(progress), { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

const CHANGE_WORDS = {
  raise: 'raised',
  update: 'updated',
  escalate: 'escalated',
  'de-escalate': 'eased',
  stale: 'grown stale',
  accept: 'accepted',
  suppress: 'put aside',
  unsuppress: 'shown again',
  resolve: 'resolved',
  withdraw: 'withdrawn',
  supersede: 'taken over',
} as const satisfies Record<EpisodeChange['change'], string>;

/** One line per event and per alert. */
class Lines {
  readonly #terminal: Terminal;
  readonly #names: ReadonlyMap<string, string>;
  readonly #base: string;
  #telling = false;

  constructor(terminal: Terminal, names: ReadonlyMap<string, string>, base: string) {
    this.#terminal = terminal;
    this.#names = names;
    this.#base = base;
  }

  name(patientId: string): string {
    return this.#names.get(patientId) ?? patientId;
  }

  tier(tier: Tier): string {
    return this.#terminal.paint(TIER_STYLE[tier], ` ${tier.toUpperCase()} `);
  }

  address(type: string, id: string): string {
    return `${this.#base}/${type}/${id}`;
  }

  welcome(url: string, rules: number, store: string, cards: boolean): void {
    const { write, paint } = this.#terminal;
    write('');
    write(`${paint('bold', 'cramp-cds')}  clinical rules for leg cramps, on synthetic patients`);
    write(
      paint(
        'dim',
        `  service  ${url}   ${rules} rules, ${store === 'pglite' ? 'embedded database' : 'PostgreSQL'}`,
      ),
    );
    write(paint('dim', `  sandbox  ${this.#base}   a FHIR R4 server, open on this machine only`));
    if (cards) {
      write(paint('dim', `  cards    ${url}${SERVICES_PATH}   CDS Hooks; see docs/cds-hooks.md`));
      write(
        paint(
          'yellow',
          '  Callers of the cards are NOT authenticated: synthetic patients on this machine only.',
        ),
      );
    }
    write('');
  }

  step(says: string): void {
    this.#terminal.write(this.#terminal.paint('bold', `· ${says}`));
  }

  /** Until the story starts, patients who were there before are read: only their alerts are told. */
  storyStarts(patients: number): void {
    this.#telling = true;
    const { write, paint } = this.#terminal;
    write(
      paint(
        'dim',
        `  ${patients} patients were there already and have been read; what follows is pushed as it happens.`,
      ),
    );
    write('');
  }

  evaluated({ patientId, decision, events, tookMs }: Evaluated): void {
    if (!this.#telling) return;
    const { write, paint } = this.#terminal;
    const [first] = events;
    const what =
      first === undefined
        ? 'due again'
        : `${first.reference}${events.length > 1 ? ` +${events.length - 1}` : ''}`;
    const changes =
      decision.episodeChanges.map(({ change }) => CHANGE_WORDS[change]).join(', ') || 'no change';
    write(paint('dim', `  pushed     ${what}`));
    write(paint('dim', `  evaluated  ${this.name(patientId)} in ${Math.round(tookMs)} ms: ${changes}`));
  }

  delivered({ delivery, outcome }: Delivered): void {
    const { write, paint } = this.#terminal;
    const { change, episode } = delivery.what;
    const target = 'targets' in outcome ? outcome.targets.issue?.id : undefined;
    const address = target === undefined ? outcome.outcome : this.address('DetectedIssue', target);
    const closed = change === 'resolve' || change === 'withdraw' || change === 'supersede';
    const mark = closed ? paint('green', CHANGE_WORDS[change].toUpperCase()) : this.tier(episode.tier);
    write(
      `  ${CHANGE_WORDS[change].padEnd(10)} ${mark} ${paint('bold', this.name(delivery.patientId))}: ${closed ? (delivery.what.reason ?? '') : episode.finding.summary}`,
    );
    write(paint('dim', `             ${address}`));
  }
}

async function showOpen(running: Running, lines: Lines, terminal: Terminal): Promise<void> {
  const all = await allOpenEpisodes(running.store.db, SANDBOX);
  const open = all.filter(({ episode, humanClosed }) => episode.suppression === undefined && !humanClosed);
  const rows = await Promise.all(
    open.map(async ({ patientId, episode }) => {
      const identity = identityOf(SANDBOX, patientId, episode.key, episode.number);
      const writes = await findWrites(running.store.db, SANDBOX, identity);
      const [issue, plan] = ['DetectedIssue', 'CarePlan'].map((type) =>
        writes.find((write) => write.type === type),
      );
      return {
        patient: lines.name(patientId),
        episode,
        issue: issue && lines.address('DetectedIssue', issue.serverId),
        plan: plan && lines.address('CarePlan', plan.serverId),
      };
    }),
  );
  rows.sort((a, b) => TIER_ORDER.indexOf(a.episode.tier) - TIER_ORDER.indexOf(b.episode.tier));
  terminal.write('');
  terminal.write(terminal.paint('bold', `Open alerts: ${rows.length}`));
  table(terminal, rows, [
    { head: 'Tier', text: ({ episode }) => episode.tier, style: ({ episode }) => TIER_STYLE[episode.tier] },
    { head: 'Patient', text: ({ patient }) => patient },
    { head: 'Summary', text: ({ episode }) => episode.finding.summary },
  ]);
  terminal.write('');
  const [first] = rows;
  if (first?.issue === undefined) return;
  terminal.write(terminal.paint('bold', `On the FHIR server, of ${first.patient} and of each of the others`));
  for (const address of [first.issue, first.plan ?? []].flat()) terminal.write(`  ${address}`);
}

/** Two ways to the alert page: a link that works once, and the sign-in of a real EHR. */
function showPage(running: Running, sandbox: Sandbox, { write, paint }: Terminal): void {
  const launch = new URLSearchParams({ iss: sandbox.base, launch: 'demo' });
  write('');
  write(paint('bold', 'Alert page'));
  write(`${running.oneTimeLink(SANDBOX)}`);
  write(paint('dim', '  opens once, in your browser, with a list of patients to choose from'));
  write(`${running.url}/smart/launch?${launch}`);
  write(paint('dim', '  the same as a SMART launch: the sandbox plays the EHR and its sign-in'));
}

const TIER_ORDER: readonly Tier[] = ['critical', 'high', 'moderate', 'low'];

/** A command to copy: one more potassium for the patient on furosemide, and what it will do. */
function showNext(running: Running, sandbox: Sandbox, story: Story, terminal: Terminal): void {
  const patient = story.steps[0]?.patient ?? '';
  const observation = {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '2823-3' }] },
    subject: { reference: `Patient/${patient}` },
    effectiveDateTime: new Date().toISOString(),
    valueQuantity: { value: 4.2, unit: 'mmol/L', system: 'http://unitsofmeasure.org', code: 'mmol/L' },
  };
  const { write, paint } = terminal;
  write('');
  write(paint('bold', 'Try next'));
  write('Push one more potassium, 4.2 mmol/L. The low-potassium alert of this patient resolves:');
  write('');
  write(
    `curl -s -X POST ${sandbox.base}/Observation -H 'content-type: application/fhir+json' -d '${JSON.stringify(observation)}'`,
  );
  write('');
  write(
    paint(
      'dim',
      `Change 4.2 to 2.4 and it becomes critical. Health: ${running.url}/readyz. Stop with Ctrl-C; the next start goes on from here.`,
    ),
  );
}

async function pause(ms: number, stop: AbortSignal): Promise<void> {
  if (ms <= 0 || stop.aborted) return;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    const end = (): void => {
      clearTimeout(timer);
      resolve();
    };
    stop.addEventListener('abort', end, { once: true });
  });
}

async function stopped(stop: AbortSignal): Promise<void> {
  if (stop.aborted) return;
  await new Promise<void>((resolve) => stop.addEventListener('abort', () => resolve(), { once: true }));
}
