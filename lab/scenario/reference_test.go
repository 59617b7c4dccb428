package scenario_test

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"workbench/lab/fleet"
	"workbench/lab/scenario"
	"workbench/sim/arrival"
	"workbench/sim/load"
	"workbench/sim/population"
)

// section is a heading of the reference, and the struct whose fields stand in
// the table below it.
type section struct {
	heading string
	of      reflect.Type
}

func sections() []section {
	return []section{
		{"## The file", reflect.TypeFor[scenario.Spec]()},
		{"## gate", reflect.TypeFor[scenario.Gate]()},
		{"## instance", reflect.TypeFor[scenario.Instance]()},
		{"## balancer", reflect.TypeFor[fleet.Settings]()},
		{"### health", reflect.TypeFor[fleet.Health]()},
		{"### ejection", reflect.TypeFor[fleet.Ejection]()},
		{"### slow_start", reflect.TypeFor[fleet.SlowStart]()},
		{"### sticky", reflect.TypeFor[fleet.Sticky]()},
		{"## autoscaler", reflect.TypeFor[fleet.Scaling]()},
		{"## alert", reflect.TypeFor[scenario.Alert]()},
		{"## resize", reflect.TypeFor[scenario.Resize]()},
		{"## population", reflect.TypeFor[population.Spec]()},
		{"### mix", reflect.TypeFor[population.Weight]()},
		{"### hot", reflect.TypeFor[population.Hot]()},
		{"### abuser", reflect.TypeFor[population.Abuser]()},
		{"## traffic", reflect.TypeFor[arrival.Phase]()},
		{"## clients", reflect.TypeFor[load.Client]()},
		{"## faults", reflect.TypeFor[scenario.Fault]()},
		{"## patterns", reflect.TypeFor[scenario.Setting]()},
		{"## claims", reflect.TypeFor[scenario.Claim]()},
		{"## predict", reflect.TypeFor[scenario.Predict]()},
		{"### options", reflect.TypeFor[scenario.Option]()},
		{"## ablation", reflect.TypeFor[scenario.Ablation]()},
	}
}

// yamlFields returns the names that a struct's fields have in a file, inlined
// ones included.
func yamlFields(of reflect.Type) []string {
	var out []string
	for i := range of.NumField() {
		f := of.Field(i)
		switch tag := f.Tag.Get("yaml"); {
		case tag == ",inline":
			out = append(out, yamlFields(f.Type)...)
		case tag != "":
			out = append(out, tag)
		}
	}
	return out
}

// undocumented compares the tables of a page with the fields there are, both
// ways.
func undocumented(page string, all []section) []string {
	var faults []string
	for _, s := range all {
		_, text, found := strings.Cut(page, "\n"+s.heading+"\n")
		if !found {
			faults = append(faults, "no heading "+s.heading)
			continue
		}
		if next := regexp.MustCompile(`\n##`).FindStringIndex(text); next != nil {
			text = text[:next[0]]
		}
		var rows []string
		for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| \\S").FindAllStringSubmatch(text, -1) {
			rows = append(rows, m[1])
		}
		fields := yamlFields(s.of)
		for _, f := range fields {
			if !slices.Contains(rows, f) {
				faults = append(faults, fmt.Sprintf("%s: field %s is missing", s.heading, f))
			}
		}
		for _, r := range rows {
			if !slices.Contains(fields, r) {
				faults = append(faults, fmt.Sprintf("%s: there is no field %s", s.heading, r))
			}
		}
	}
	return faults
}

func reference(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/reference/scenario.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func TestReferenceHasEveryField(t *testing.T) {
	for _, fault := range undocumented(reference(t), sections()) {
		t.Error("docs/reference/scenario.md: " + fault)
	}
}

func TestReferenceHasEveryMetric(t *testing.T) {
	page := reference(t)
	var rows []string
	for _, m := range scenario.Metrics() {
		scales := ""
		if m.Scales {
			scales = "yes"
		}
		row := fmt.Sprintf("| `%s` | %s | %s | %s |", m.Name, m.Unit, scales, m.Help)
		rows = append(rows, row)
		if !strings.Contains(page, "\n"+row+"\n") {
			t.Errorf("docs/reference/scenario.md lacks the row\n%s", row)
		}
	}
	_, text, _ := strings.Cut(page, "\n## Metrics\n")
	text, _, _ = strings.Cut(text, "\n## ")
	if n := strings.Count(text, "\n| `"); n != len(rows) {
		t.Errorf("docs/reference/scenario.md has %d metrics, want the %d there are", n, len(rows))
	}
}

func TestReferenceExampleIsAScenario(t *testing.T) {
	_, text, _ := strings.Cut(reference(t), "```yaml\n")
	text, _, found := strings.Cut(text, "```")
	if !found {
		t.Fatal("docs/reference/scenario.md has no example")
	}
	s, err := scenario.Parse("example", []byte(text))
	if err == nil {
		err = s.Validate(everything())
	}
	if err != nil {
		t.Errorf("the example: %v", err)
	}
}

func TestUndocumentedFindsBothKindsOfDrift(t *testing.T) {
	type sample struct {
		A int `yaml:"a"`
		B int `yaml:"b"`
	}
	page := "\n## x\n| `a` | means |\n| `c` | gone |\n## y\n| `b` | elsewhere |\n"
	got := undocumented(page, []section{{"## x", reflect.TypeFor[sample]()}, {"## z", reflect.TypeFor[sample]()}})
	want := []string{"## x: field b is missing", "## x: there is no field c", "no heading ## z"}
	if !slices.Equal(got, want) {
		t.Errorf("undocumented = %q, want %q", got, want)
	}
}
