/** The same problem again, notices, and the ends of a record. Clinical foundations 6; resolutions 1 to 10. */
import { describe, expect, it } from '@jest/globals';
import { HAEMOLYSED, patient } from '../facts/given.ts';
import { k, Life, later } from './life.ts';

/** Low at this day, mended a day later. */
async function cycle(life: Life, day: number, value = 3.3): Promise<void> {
  await life.at(later(day * 24 + 1, 'h'), k(value, later(day, 'd')));
  await life.at(later((day + 1) * 24 + 1, 'h'), k(4.0, later(day + 1, 'd')));
  expect(life.isShown()).toBe(false);
}

describe('a problem that comes back', () => {
  it('within 30 days is a new episode that says so', async () => {
    const life = new Life();
    await cycle(life, 0);
    await life.at(later(15, 'd'), k(3.2, later(15 * 24 - 1, 'h')));
    const { number, recurs, finding } = life.open();
    expect([number, recurs]).toEqual([2, { of: 1, afterDays: 13, times: 1 }]);
    expect(finding.detail).toMatch(/ Recurred after 13 days\.(?: Decision support\.|$)/);
  });

  it('after 31 days is a new problem', async () => {
    const life = new Life();
    await cycle(life, 0);
    await life.at(later(33, 'd'), k(3.2, later(33 * 24 - 1, 'h')));
    expect(life.open().recurs).toBeUndefined();
  });

  it('a third time in 180 days counts one tier more, and keeps it', async () => {
    const life = new Life();
    for (const day of [0, 20, 40]) await cycle(life, day);
    await life.at(later(61, 'd'), k(3.3, later(60, 'd')));
    expect([life.open().recurs?.times, life.open().tier]).toEqual([3, 'moderate']);
    expect(await life.at(later(61 * 24 + 1, 'h'))).toEqual([]);
    expect(await life.at(later(63, 'd'), k(3.2, later(62, 'd')))).toEqual(['update']);
    expect(life.open().tier).toBe('moderate');
  });

  it('is capped at high', async () => {
    const life = new Life();
    for (const day of [0, 20, 40]) await cycle(life, day, 6.2);
    await life.at(later(61, 'd'), k(6.2, later(60, 'd')));
    expect([life.open().recurs?.times, life.open().tier]).toEqual([3, 'high']);
  });

  it('is not told again in the quiet period of its tier, but a higher tier is', async () => {
    const life = new Life();
    await cycle(life, 0);
    expect(await life.at(later(10, 'd'), k(3.2, later(10 * 24 - 1, 'h')))).toEqual(['raise']);
    const other = new Life();
    await cycle(other, 0);
    expect(await other.at(later(10, 'd'), k(2.8, later(10 * 24 - 1, 'h')))).toEqual(['raise!']);
  });

  it('that is critical is told always', async () => {
    const life = new Life();
    await cycle(life, 0, 2.3);
    expect(await life.at(later(26, 'h'), k(2.3, later(25.5, 'h')))).toEqual(['raise!']);
  });

  it('after a withdrawal is news', async () => {
    const life = new Life();
    const wrong = k(3.2, later(0, 'h'), 'wrong');
    await life.at(later(1, 'h'), wrong);
    await life.at(later(2, 'h'), { ...wrong, status: 'entered-in-error', meta: { versionId: '2' } });
    expect(life.isShown()).toBe(false);
    expect(await life.at(later(4, 'h'), k(3.2, later(3, 'h')))).toEqual(['raise!']);
    expect(life.open().recurs).toBeUndefined();
  });
});

describe('a notice', () => {
  it('of a critical alert that nobody answered is repeated after 4 hours', async () => {
    const life = new Life();
    await life.at(later(0, 'h'), k(2.3, later(-1, 'h')));
    expect(await life.at(later(3, 'h'))).toEqual([]);
    expect(await life.at(later(4, 'h'))).toEqual(['update!']);
    expect(await life.at(later(7, 'h'))).toEqual([]);
    expect(await life.at(later(8, 'h'))).toEqual(['update!']);
  });

  it('is not repeated once the alert was accepted, nor for a high one', async () => {
    const life = new Life();
    await life.at(later(0, 'h'), k(2.3, later(-1, 'h')));
    life.accept();
    expect(await life.at(later(9, 'h'))).toEqual([]);
    const high = new Life();
    await high.at(later(0, 'h'), k(6.2, later(-1, 'h')));
    expect(await high.at(later(30, 'h'))).toEqual([]);
  });

  it('goes to who accepted an alert whose source is corrected', async () => {
    const life = new Life();
    const wrong = k(2.9, later(-1, 'h'), 'wrong');
    await life.at(later(0, 'h'), wrong);
    life.accept();
    const right = k(4.2, later(-1, 'h'), 'wrong', { status: 'corrected', meta: { versionId: '2' } });
    expect(await life.at(later(1, 'h'), right)).toEqual(['withdraw!']);
    expect(life.episodes[0]?.closed?.how).toBe('withdrawn');
  });

  it('of a stale alert comes once', async () => {
    const life = new Life();
    await life.at(later(0, 'h'), k(3.3, later(-1, 'h')));
    expect(await life.at(later(15, 'd'))).toEqual(['stale!']);
    expect(await life.at(later(16, 'd'))).toEqual([]);
    expect(life.isShown()).toBe(true);
  });
});

describe('the evidence', () => {
  it('that turns out haemolysed regrades a high potassium and does not withdraw it', async () => {
    const life = new Life();
    const first = k(6.2, later(-1, 'h'), 'k');
    await life.at(later(0, 'h'), first);
    expect(life.open().tier).toBe('high');
    const flagged = {
      ...first,
      ...HAEMOLYSED,
      meta: { versionId: '2', lastUpdated: later(1, 'h').toISOString() },
    };
    await life.at(later(1, 'h'), flagged);
    expect(life.isShown()).toBe(true);
    await life.at(later(26, 'h'));
    expect([life.open().tier, life.open().finding.advice.map(({ advice }) => advice)]).toEqual([
      'moderate',
      expect.arrayContaining(['repeat-potassium-fresh-sample']),
    ]);
  });

  it('deleted after it was replaced changes nothing', async () => {
    const life = new Life();
    await life.at(later(0, 'h'), k(3.3, later(-2, 'h'), 'old'));
    await life.at(later(2, 'h'), k(3.2, later(1, 'h'), 'new'));
    life.remove('Observation/old');
    expect(await life.at(later(3, 'h'))).toEqual([]);
    life.remove('Observation/new');
    expect(await life.at(later(4, 'h'))).toEqual(['withdraw']);
  });
});

describe('a record that ends', () => {
  it('closes its alerts silently when the patient dies or is merged into another', async () => {
    for (const end of [
      { deceasedBoolean: true },
      { link: [{ other: { reference: 'Patient/q' }, type: 'replaced-by' as const }] },
    ]) {
      const life = new Life();
      await life.at(later(0, 'h'), k(2.3, later(-1, 'h')));
      expect(await life.at(later(1, 'h'), patient(end))).toEqual(['supersede']);
      expect(life.episodes[0]?.closed?.how).toBe('superseded');
    }
  });
});
