/**
 * An answer that depends on one name alone is worked out once.
 *
 * Why: ids, units and rule texts come back with every chart. Only for names of our own rule set, which are
 * few; what comes from a hospital has no end and would fill the memory.
 */
export function remembered<Answer>(workOut: (name: string) => Answer): (name: string) => Answer {
  const answers = new Map<string, Answer>();
  return (name) => {
    const known = answers.get(name);
    if (known !== undefined || answers.has(name)) return known as Answer;
    const answer = workOut(name);
    answers.set(name, answer);
    return answer;
  };
}

/** What depends on one object alone is worked out once, and forgotten with it. */
export function oncePer<Key extends object, Shared extends object>(
  workOut: (key: Key) => Shared,
): (key: Key) => Shared {
  const known = new WeakMap<Key, Shared>();
  return (key) => {
    const found = known.get(key);
    if (found !== undefined) return found;
    const made = workOut(key);
    known.set(key, made);
    return made;
  };
}
