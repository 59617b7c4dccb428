// Command write makes the reference of the patterns from what their rooms say of
// themselves: the package documentation, the knobs and the reasons; and with the
// argument "trials" that of the trials. It prints Markdown; `make generate` keeps
// it as docs/reference/patterns.md and trials.md.
package main

import (
	"fmt"
	"go/doc/comment"
	"os"
	"strings"

	"workbench/lab"
	"workbench/lab/checklist"
	"workbench/lab/knob"
	"workbench/lab/pattern"
	"workbench/lab/system/kind"
	"workbench/lab/trial/list"
)

func main() {
	text, err := made(os.Args[1:])
	if err == nil {
		_, err = os.Stdout.WriteString(text)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "write:", err)
		os.Exit(1)
	}
}

// made returns the reference that is asked for.
func made(args []string) (string, error) {
	switch {
	case len(args) == 0:
		return reference(kind.AllPatterns())
	case len(args) == 1 && args[0] == "trials":
		return trialReference(list.Trials(), checklist.Rows()), nil
	}
	return "", fmt.Errorf("got %q, want no argument or trials", args)
}

// reference writes all patterns, in the order in which a request meets them.
func reference(patterns []lab.Pattern) (string, error) {
	var b strings.Builder
	b.WriteString("# Patterns\n\nMade by `make generate` from the packages' own documentation, in the order in which a request meets the patterns; those of the clients come last.\n\n")
	for _, p := range patterns {
		fmt.Fprintf(&b, "- [%s](#%s): %s\n", p.Title, p.Name, p.Line)
	}
	for _, p := range patterns {
		doc := pattern.Doc
		if p.System != "" {
			doc = kind.Doc
		}
		text, err := doc(p.Name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "\n<a id=\"%s\"></a>\n\n## %s\n\n`%s`: %s.\n\n", p.Name, p.Title, p.Name, p.Line)
		b.Write(markdown(text))
		knobs(&b, p)
		reasons(&b, p)
	}
	return b.String(), nil
}

// markdown turns a package's documentation into Markdown, with its headings
// below the pattern's.
func markdown(text string) []byte {
	printer := comment.Printer{HeadingLevel: 3, HeadingID: func(*comment.Heading) string { return "" }}
	return printer.Markdown(new(comment.Parser).Parse(text))
}

// knobs writes what can be set, with its default and its bounds.
func knobs(b *strings.Builder, p lab.Pattern) { table(b, knob.Describe(p.Knobs())) }

// table writes knobs as rows.
func table(b *strings.Builder, all []knob.Info) {
	b.WriteString("\n| knob | default | bounds | what it is |\n|---|---|---|---|\n")
	for _, k := range all {
		bounds := strings.Join(k.Options, ", ")
		if k.Min != "" || k.Max != "" {
			bounds = k.Min + " to " + k.Max
		}
		if k.Unit != "" {
			bounds += " " + k.Unit
		}
		help := k.Help
		if k.Scales {
			help += "; grows with the scale"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", k.Name, k.Value, strings.TrimSpace(bounds), help)
	}
}

// reasons writes with which words it refuses.
func reasons(b *strings.Builder, p lab.Pattern) {
	if len(p.Reasons) == 0 {
		return
	}
	var words []string
	for _, r := range p.Reasons {
		words = append(words, fmt.Sprintf("`%s`", r))
	}
	fmt.Fprintf(b, "\nIt refuses with %s.\n", strings.Join(words, ", "))
}
