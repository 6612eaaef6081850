import { describe, expect, it } from '@jest/globals';
import { valueIn } from './in-words.ts';

describe('warning signs', () => {
  it('are denied when every one was answered "no" within 28 days', () => {
    expect(valueIn('red-flags-denied', { checklist: 'all red flags no' })).toBe(true);
    expect(valueIn('red-flags-denied', { checklist: 'all red flags no, 28 days ago' })).toBe(true);
    expect(valueIn('red-flags-denied', { checklist: 'all red flags no, 29 days ago' })).toBe('unknown');
    expect(valueIn('red-flags-denied', { checklist: 'rf.cola no' })).toBe('unknown');
    expect(
      valueIn('red-flags-denied', { checklist: 'all red flags no', 'chest-pain': 'true, 1 h ago' }),
    ).toBe(false);
  });
});

describe('a self-care plan', () => {
  it('was accepted so many days ago', () => {
    expect(valueIn('self-care-plan-days', { 'care-plan': 'accepted, 89 days ago' })).toBe(89);
    expect(valueIn('self-care-plan-days', { 'care-plan': 'Daily walk' })).toBe('unknown');
  });
});

describe('protein in urine', () => {
  it.each([
    ['1+', true],
    ['2+', true],
    ['trace', false],
    ['negative', false],
    ['some', 'unknown'],
  ])('%s is 1+ or more: %s', (words, expected) => {
    expect(valueIn('urine-protein-positive', { 'urine-protein-dipstick': words })).toBe(expected);
  });
});
