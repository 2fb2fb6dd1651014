//! A bundled file for tests.

use crate::coverage::{Chunk, Scope};

const SCOPE: &str = "
scope: [{area: a, sources: ['src/*.ts']}]
left_out: [{sources: ['src/a.ts'], functions: [tailnet], reason: needs a tailnet}]
";

/// Code with about every construct that gets mutants.
pub(super) const SAMPLE: &str = "const limits$2 = new Map([['x', 1e3]]);
async function admit$1(frame, { role = 'node', scopes } = {}) {
\tif (!frame || typeof frame !== 'object') return { ok: false, error: `bad ${frame?.type ?? 'none'}` };
\tfor (let at = 0; at < scopes.length; at += 1) if (!limits$2.has(scopes[at])) continue;
\tconst late = Date.now() - frame.at > 60 * 1e3 || frame.at === 0;
\tif (late) if (scopes) frame.done?.(); else void 0;
\tswitch (role) {
\t\tcase 'node': await close(frame, late ? 1008 : 1000); break;
\t\tdefault: throw new Error('no role');
\t}
\tconst names = scopes.map((scope) => scope?.name?.trim().startsWith('a') ?? log.warn('none'));
\tfunction tailnet() { return frame.user === 'a'; }
\treturn role === 'node' && !late && names?.every((scope) => scope.startsWith('operator.'));
}";

/// A bundled file with this code in scope, followed by code that is out of scope.
pub(super) fn chunk(code: &str) -> Chunk {
    let text = format!("import \"./x.js\";\n//#region src/a.ts\n{code}\n//#endregion\nconst other = !a;\n");
    Chunk::read("dist/a.js", text, &Scope::read(SCOPE).unwrap()).unwrap().unwrap()
}
