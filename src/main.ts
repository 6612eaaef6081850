/**
 * The command line: reads arguments and the environment, and hands each part what it needs.
 */
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { connect } from './commands/connect.ts';
import { decideCommand, InputError } from './commands/decide.ts';
import { demo } from './commands/demo.ts';
import { doctor } from './commands/doctor.ts';
import { installQuestionnaires } from './commands/questionnaires.ts';
import { type RedriveOptions, redriveCommand } from './commands/redrive.ts';
import { checkRules } from './commands/rules.ts';
import { serve } from './commands/serve.ts';
import { storiesCommand } from './commands/stories.ts';
import { terminalOn } from './commands/terminal.ts';
import { type Config, ConfigError, readConfig } from './config.ts';
import { RuleFilesError } from './rule-files/problems.ts';
import { readRuleModels } from './rule-files/read-rule-models.ts';
import { readRuleSet } from './rule-files/read-rule-set.ts';
import { ROLES, type Role } from './start.ts';
import { StoryError } from './stories/read-story.ts';
import { openLog } from './watch/log.ts';

const OLDEST_NODE = 24;
const RULES = fileURLToPath(new URL('../rules', import.meta.url));
const FIXTURES = fileURLToPath(new URL('../fhir-fixtures', import.meta.url));
const DOCS = fileURLToPath(new URL('../docs', import.meta.url));
const STORIES = `${FIXTURES}/stories`;
const QUESTIONNAIRES = `${FIXTURES}/questionnaires`;
const EXIT = { done: 0, failed: 1, input: 2 } as const;

const EXIT_CODES = `
Exit codes: 0 done, 1 failed or not as promised, 2 wrong arguments, settings or input.`;

async function main(): Promise<void> {
  const terminal = terminalOn(process.stdout, process.env);
  const program = new Command('cramp-cds')
    .description('Clinical rules for leg cramps on FHIR R4. Decision support; not a diagnosis or an order.')
    .option('-c, --config <file>', 'YAML configuration; CRAMP_CDS_CONFIG otherwise')
    .addHelpText('after', EXIT_CODES)
    .exitOverride((error) => process.exit(error.exitCode === 0 ? EXIT.done : EXIT.input));

  program
    .command('serve')
    .description('listen to the configured FHIR servers')
    .addOption(new Option('--role <role>', 'what this process does').choices(ROLES).default('all'))
    .action(({ role }: { role: Role }) => runService(program, role));
  program
    .command('demo')
    .description('a sandbox FHIR server with synthetic patients, and the service beside it')
    .option('--pace <share>', 'pauses of the story: 1 as written, 0 none', share, 1)
    .action(({ pace }: { pace: number }) => runDemo(program, pace));
  program
    .command('decide')
    .description('what one chart gives: facts, verdict of every rule, findings, advice')
    .requiredOption('--chart <file>', 'Bundle or NDJSON of one patient')
    .option('--at <time>', 'ISO time to decide at; now otherwise', instant)
    .option('--time-zone <zone>', 'dates without a time are read in it; this machine otherwise')
    .option('--json', 'one JSON object: facts, verdicts, findings')
    .addHelpText('after', EXIT_CODES)
    .action((options: { chart: string; at?: Date; json?: true; timeZone?: string }) => {
      const homeTimeZone = options.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
      return decideCommand(
        { chart: options.chart, at: options.at ?? new Date(), json: options.json ?? false },
        readRuleSet(RULES, { settings: { homeTimeZone } }),
        terminal,
      );
    });
  program
    .command('rules')
    .description('check every rule file, its vectors, and that they notice every slip in the rule')
    .option('--write-docs', 'write docs/rules and docs/traceability.md anew')
    .option(
      '--suggest <rule-id>',
      'print vectors that would notice what survives; for review, not for copying',
    )
    .addHelpText('after', EXIT_CODES)
    .action(async ({ suggest, writeDocs }: { suggest?: string; writeDocs?: true }) => {
      process.exitCode = await checkRules({
        folder: RULES,
        print: terminal.write,
        docs: DOCS,
        writeDocs: writeDocs ?? false,
        ...(suggest !== undefined && { suggestFor: suggest }),
      });
    });
  program
    .command('stories')
    .description('play patient stories through the core, and say what differs from their promises')
    .argument('[path]', 'a story file or a folder of them', STORIES)
    .option('--json', 'one JSON object: expected and actual alerts of every step')
    .addHelpText('after', EXIT_CODES)
    .action(async (path: string, { json }: { json?: true }) => {
      process.exitCode = await storiesCommand(
        { path, json: json ?? false },
        (settings) => readRuleSet(RULES, { settings }),
        terminal,
      );
    });
  program
    .command('questionnaires')
    .description('put the cramp diary and the symptom checklist on a connected server')
    .requiredOption('--connection <id>', 'a connection of the configuration')
    .addHelpText('after', EXIT_CODES)
    .action(async ({ connection }: { connection: string }) => {
      process.exitCode = await installQuestionnaires(config(program), connection, QUESTIONNAIRES, terminal);
    });
  program
    .command('connect')
    .description('create or update our Subscriptions on a server')
    .argument('<connection>', 'a connection of the configuration')
    .addHelpText('after', EXIT_CODES)
    .action(async (id: string) => {
      process.exitCode = await connect(config(program), id, terminal);
    });
  program
    .command('doctor')
    .description('look whether a connection is in order, and what to change')
    .argument('<connection>', 'a connection of the configuration')
    .option('--push', 'change our own Device there, and wait until it comes back as a push')
    .addHelpText('after', EXIT_CODES)
    .action(async (id: string, { push }: { push?: true }) => {
      process.exitCode = await doctor(config(program), id, { push: push ?? false }, terminal);
    });
  program
    .command('redrive')
    .description('show work that was set aside, by reason, and try it again')
    .option('--reason <reason>', 'only work set aside for this reason')
    .option('--connection <id>', 'only work of this connection')
    .option('--all', 'everything that was set aside')
    .addHelpText('after', EXIT_CODES)
    .action((options: RedriveOptions) => redriveCommand(config(program), options, terminal));
  program.action(() => (hasConfig(program) ? runService(program, 'all') : runDemo(program, 1)));
  await program.parseAsync();
}

function runService(program: Command, role: Role): Promise<void> {
  const settings = config(program);
  return serve(settings, { ...rulesAndModels(settings), log: log(settings), role }, stopSignal());
}

function runDemo(program: Command, pace: number): Promise<void> {
  const settings = config(program);
  const quietLog = openLog(process.env.LOG_LEVEL === undefined ? 'error' : settings.logLevel, process.stderr);
  return demo(
    settings,
    {
      ...rulesAndModels(settings),
      log: quietLog,
      terminal: terminalOn(process.stdout, process.env),
      fixtures: FIXTURES,
      pace,
    },
    stopSignal(),
  );
}

function hasConfig(program: Command): boolean {
  return (
    program.opts<{ config?: string }>().config !== undefined || (process.env.CRAMP_CDS_CONFIG ?? '') !== ''
  );
}

function config(program: Command): Config {
  return readConfig(process.env, program.opts<{ config?: string }>().config);
}

function rulesAndModels({ homeTimeZone }: Config) {
  const ruleSet = readRuleSet(RULES, { settings: { homeTimeZone } });
  return { ruleSet, ruleModels: readRuleModels(RULES, ruleSet) };
}

function log({ logLevel }: Config) {
  return openLog(logLevel, process.stdout);
}

/** The first signal stops in order; a second one ends at once. */
function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => (controller.signal.aborted ? process.exit(EXIT.failed) : controller.abort()));
  }
  return controller.signal;
}

function instant(text: string): Date {
  const at = new Date(text);
  if (Number.isNaN(at.getTime()))
    throw new InvalidArgumentError('an ISO time is wanted, such as 2026-05-12T12:00:00Z');
  return at;
}

function share(text: string): number {
  const pace = Number(text);
  if (!Number.isFinite(pace) || pace < 0) throw new InvalidArgumentError('a number from 0 is wanted');
  return pace;
}

if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  process.stderr.write(`cramp-cds needs Node ${OLDEST_NODE} or later; this is ${process.versions.node}.\n`);
  process.exit(EXIT.failed);
}

main().catch((error: unknown) => {
  const known =
    error instanceof ConfigError ||
    error instanceof InputError ||
    error instanceof RuleFilesError ||
    error instanceof StoryError;
  process.stderr.write(`${known ? error.message : describe(error)}\n`);
  process.exit(known ? EXIT.input : EXIT.failed);
});

/** Words for an error that nobody expected: an address in use has its own sentence. */
function describe(error: unknown): string {
  const { code, port, message } = error as { code?: string; port?: number; message?: string };
  if (code === 'EADDRINUSE') return `port ${port} is taken; set PORT or SANDBOX_PORT to another one`;
  return `cramp-cds could not go on: ${message ?? 'unknown error'}`;
}
