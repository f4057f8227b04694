// A part of the page that is fetched when it is first shown.
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";

export function lazy<Props extends object>(load: () => Promise<{ default: ComponentType<Props> }>): ComponentType<Props> {
  let found: ComponentType<Props> | null = null, loading: Promise<void> | null = null;
  return function Lazy(props: Props) {
    const [, ready] = useState(found !== null), [fault, fail] = useState(false);
    useEffect(() => { if (!found) (loading ??= load().then((made) => { found = made.default; }, (error) => { loading = null; throw error; })).then(() => ready(true), () => fail(true)); }, []);
    if (fault) return <p class="warn">This part could not be loaded.</p>;
    const Found = found;
    return Found ? <Found {...props} /> : <div class="skeleton tall" role="status"><span class="hidden">Loading</span></div>;
  };
}
