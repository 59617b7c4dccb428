// A code editor for Go in a shadow root: the page's policy allows no style
// elements, and there the editor's styles are constructed instead.
import { EditorView, drawSelection, highlightActiveLine, keymap, lineNumbers } from '@codemirror/view';
import { EditorState } from '@codemirror/state';
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { HighlightStyle, bracketMatching, indentOnInput, indentUnit, syntaxHighlighting } from '@codemirror/language';
import { go } from '@codemirror/lang-go';
import { lintGutter, setDiagnostics } from '@codemirror/lint';
import { highlightSelectionMatches, searchKeymap } from '@codemirror/search';
import { tags as t } from '@lezer/highlight';

const colors = HighlightStyle.define([
  { tag: [t.keyword, t.controlKeyword, t.definitionKeyword], color: 'var(--mark)' },
  { tag: [t.string, t.character], color: 'var(--hit)' },
  { tag: [t.number, t.bool, t.null], color: 'var(--warn)' },
  { tag: [t.comment], color: 'var(--dim)', fontStyle: 'italic' },
  { tag: [t.typeName, t.definition(t.variableName), t.function(t.variableName)], color: 'var(--ok)' },
]);

const look = EditorView.theme({
  '&': { color: 'var(--ink)', backgroundColor: 'var(--surface)', fontSize: '13px', height: '100%' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55' },
  '.cm-content': { caretColor: 'var(--ink)', padding: '8px 0' },
  '.cm-cursor': { borderLeftColor: 'var(--ink)' },
  '.cm-gutters': { backgroundColor: 'var(--surface)', color: 'var(--dim)', border: '0', borderRight: '1px solid var(--grid)' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'var(--soft)' },
  '&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground': { backgroundColor: 'color-mix(in srgb, var(--ok) 25%, transparent)' },
  '.cm-panels': { backgroundColor: 'var(--soft)', color: 'var(--ink)' },
  '.cm-tooltip': { backgroundColor: 'var(--surface)', border: '1px solid var(--line)', color: 'var(--ink)' },
  '&.cm-focused': { outline: '2px solid var(--ok)' },
});

// open puts an editor into host and returns {text, set, faults, focus, close}.
// Tab indents; Escape and then Tab leaves the editor.
export function open(host, name, text, { changed, submit }) {
  const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' });
  const state = (doc) => EditorState.create({
    doc,
    extensions: [
      lineNumbers(), history(), drawSelection(), indentOnInput(), bracketMatching(), highlightActiveLine(), highlightSelectionMatches(), lintGutter(),
      indentUnit.of('\t'), EditorState.tabSize.of(4), go(), syntaxHighlighting(colors), look,
      keymap.of([{ key: 'Mod-Enter', run: () => { submit(); return true; } }, ...searchKeymap, ...defaultKeymap, ...historyKeymap, indentWithTab]),
      EditorView.updateListener.of((u) => u.docChanged && changed(u.state.doc.toString())),
      EditorView.contentAttributes.of({ tabindex: '0', 'aria-label': `${name}. Escape, then Tab, leaves the editor.` }),
    ],
  });
  const view = new EditorView({ state: state(text), root, parent: root });
  return {
    text: () => view.state.doc.toString(),
    set: (doc) => view.setState(state(doc)),
    faults: (list) => view.dispatch(setDiagnostics(view.state, list.map(({ line, message }) => {
      const at = view.state.doc.line(Math.min(Math.max(1, line), view.state.doc.lines));
      return { from: at.from, to: at.to, severity: 'error', message };
    }))),
    line: (n) => { const at = view.state.doc.line(Math.min(Math.max(1, n), view.state.doc.lines)); view.dispatch({ selection: { anchor: at.from }, scrollIntoView: true }); view.focus(); },
    focus: () => view.focus(),
    close: () => view.destroy(),
  };
}
