package docs_test

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"workbench/docs/guide"
	"workbench/lab/scenario"
	"workbench/lab/trial/list"
	"workbench/lab/virtual"
)

// commandSpan is a call of the program in a page, as code.
var commandSpan = regexp.MustCompile("`(?:bin/|\\./)?workbench ([a-z][^`\n]*)`")

// TestCommandsOfPages holds each call of the program that a page names to the
// program: the subcommand and its flags to the source of cmd/workbench, and what
// runs, compares or sweeps a scenario to the engine. The command line itself
// stands on a floor above this one.
func TestCommandsOfPages(t *testing.T) {
	house, err := readTree()
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	for _, f := range house.golang() {
		if f.dir() == "cmd/workbench" && !f.test() {
			source.WriteString(f.text)
		}
	}
	found := 0
	for _, f := range house.files {
		if path.Ext(f.path) != ".md" || strings.HasPrefix(f.path, "exercises/") {
			continue
		}
		for _, m := range commandSpan.FindAllStringSubmatch(f.text, -1) {
			found++
			if err := checkCommand(m[1], source.String()); err != nil {
				t.Errorf("%s: `workbench %s`: %v", f.path, m[1], err)
			}
		}
	}
	chapters, err := guide.Chapters()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range chapters {
		for _, e := range c.Experiments() {
			if call, ok := strings.CutPrefix(e.Command(), "bin/workbench "); ok {
				found++
				if err := checkCommand(call, source.String()); err != nil {
					t.Errorf("%s, experiment %s: `%s`: %v", c.File, e.ID, e.Command(), err)
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("found %d commands, want at least 20", found)
	}
}

// argument is one of a call as a shell reads it: words, or a text in
// quotation marks, also after a flag's equals sign.
var argument = regexp.MustCompile(`"[^"]*"|[^\s"]+`)

// checkCommand says what is wrong with a call, by the source of the program.
func checkCommand(call, source string) error {
	words := argument.FindAllString(call, -1)
	if !strings.Contains(source, `{name: "`+words[0]+`"`) {
		return fmt.Errorf("subcommand %q: unknown", words[0])
	}
	var flags, scenarios []string
	for i := 1; i < len(words); i++ {
		name, isFlag := strings.CutPrefix(words[i], "--")
		name, value, joined := strings.Cut(name, "=")
		switch {
		case !isFlag:
			scenarios = append(scenarios, words[i])
			continue
		case !strings.Contains(source, `"`+name+`"`):
			return fmt.Errorf("flag --%s: unknown", name)
		case slices.Contains(scenario.FlagNames(), "--"+name):
			if !joined && i+1 < len(words) {
				i++
				value = words[i]
			}
			flags = append(flags, "--"+name+"="+value)
		case name == "a" || name == "b":
			if i+1 < len(words) {
				i++
				flags = append(flags, strings.Fields(strings.Trim(words[i], `"`))...)
			}
		case !joined && i+1 < len(words) && !strings.HasPrefix(words[i+1], "--"):
			i++ // the flag's value
		}
	}
	if words[0] == "trial" && len(scenarios) > 0 && strings.ToLower(scenarios[0]) == scenarios[0] {
		if _, ok := list.Find(scenarios[0]); !ok {
			return fmt.Errorf("trial %q: unknown", scenarios[0])
		}
	}
	if !slices.Contains([]string{"run", "compare", "sweep"}, words[0]) || len(scenarios) == 0 || strings.ToLower(scenarios[0]) != scenarios[0] {
		return nil // a word in capitals stands for any
	}
	spec, err := scenario.Load(scenarios[0])
	if err != nil {
		return err
	}
	set, err := scenario.ParseFlags(flags)
	if err != nil {
		return err
	}
	_, _, err = scenario.Apply(spec, set, virtual.Known())
	return err
}

func TestCheckCommand(t *testing.T) {
	const source = `{name: "run"} {name: "compare"} {name: "list"} {name: "trial"} add("on") add("set") fs.String("engine") fs.Bool("json") fs.String("a") fs.String("b")`
	for _, c := range []struct{ call, want string }{
		{"run metastable --engine virtual --on queue", ""},
		{"run metastable --on=queue --set=queue.length=20", ""},
		{"run SCENARIO --on PATTERN", ""},
		{"list scenarios --json", ""},
		{`compare metastable --engine virtual --a "" --b "--on=queue"`, ""},
		{"fly metastable", `subcommand "fly": unknown`},
		{"run metastable --wings", "flag --wings: unknown"},
		{"run metastabel", "metastabel"},
		{"run metastable --on=quue", "quue"},
		{"run metastable --set=queue.lenght=20", "lenght"},
		{`compare metastable --a "" --b "--on=quue"`, "quue"},
		{"trial deep-pages --json", ""},
		{"trial deep-pags", `trial "deep-pags": unknown`},
	} {
		err := checkCommand(c.call, source)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v, want no fault", c.call, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want a fault with %q", c.call, err, c.want)
		}
	}
}
