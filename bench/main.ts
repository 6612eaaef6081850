/**
 * `npm run bench [name]`: measures and writes figures, machine and date to docs/figures.json, the only file the README may quote.
 */
import { fileURLToPath } from 'node:url';
import { readRuleSet } from '../src/rule-files/read-rule-set.ts';
import { benchCds } from './cds.ts';
import { benchDelivery } from './delivery.ts';
import { keep } from './figures.ts';
import { benchIntake } from './intake.ts';

const BENCHES: Readonly<Record<string, () => Promise<object>>> = {
  // Its peers are installed for it alone.
  rules: async () =>
    (await import('./rules.ts')).benchRules(
      readRuleSet(fileURLToPath(new URL('../rules', import.meta.url)), {
        settings: { homeTimeZone: 'Europe/London' },
      }),
    ),
  cds: () => benchCds(process.env.DATABASE_URL),
  intake: benchIntake,
  delivery: benchDelivery,
};

const [wanted] = process.argv.slice(2);
if (wanted !== undefined && BENCHES[wanted] === undefined) {
  process.stderr.write(`there is no benchmark ${wanted}; there are: ${Object.keys(BENCHES).join(', ')}\n`);
  process.exit(2);
}
for (const [name, bench] of Object.entries(BENCHES)) {
  if (wanted !== undefined && wanted !== name) continue;
  process.stdout.write(`${name} ...\n`);
  const figures = await bench();
  show(figures);
  keep(name, figures);
}

function show(figures: object): void {
  if (!('measured' in figures)) {
    for (const [name, value] of Object.entries(figures))
      process.stdout.write(
        `  ${name.padEnd(22)} ${typeof value === 'object' ? JSON.stringify(value, null, 2) : value}\n`,
      );
    return;
  }
  const { measured, ratios } = figures as {
    measured: { name: string; us: { min: number; median: number; max: number } }[];
    ratios: Record<string, number>;
  };
  for (const { name, us } of measured) {
    const cells = [us.min, us.median, us.max].map((value) => value.toFixed(0).padStart(9)).join('');
    process.stdout.write(`  ${name.padEnd(28)}${cells} us a pass (min, median, max)\n`);
  }
  for (const [name, ratio] of Object.entries(ratios)) process.stdout.write(`  ${name.padEnd(34)} ${ratio}\n`);
}
