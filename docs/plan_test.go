package docs_test

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// plan is what the tables of ARCHITECTURE.md say.
type plan struct {
	rows   []row    // the floor table, from the ground up
	clocks []permit // who may ask for the time or throw dice
}

// row is one room of the floor table. Its name is a folder, a folder with all
// below it ("sim/dist/..."), or every folder in one ("lab/pattern/*").
type row struct {
	floor   int
	name    string
	modules []string // third-party modules its code may import
	oracles []string // and those its tests may import as well
}

// permit says where calls that depend on the real clock or on chance may stand.
type permit struct {
	calls  []string // "time.Now", or a package: "math/rand"
	places []string // folders, or files; a "*" stands for one folder's name
}

// Headings of the tables, by which they are found.
const (
	floorHead = "| floor | room | holds | may import third-party | and in tests |"
	clockHead = "| call | allowed in |"
)

// readPlan reads the tables of ARCHITECTURE.md.
func readPlan(page string) (plan, error) {
	var p plan
	for _, cells := range table(page, floorHead) {
		floor, err := strconv.Atoi(cells[0])
		names := quoted(cells[1])
		if err != nil || len(cells) != 5 || len(names) != 1 {
			return plan{}, fmt.Errorf("floor table: row %q: want a floor, one `room`, a sentence, `modules` and `modules`", cells)
		}
		r := row{floor, names[0], quoted(cells[3]), quoted(cells[4])}
		if n := len(p.rows); n > 0 && p.rows[n-1].floor > floor {
			return plan{}, fmt.Errorf("floor table: %s is on floor %d, below a room of floor %d: sort the table from the ground up", r.name, floor, p.rows[n-1].floor)
		}
		if slices.ContainsFunc(p.rows, func(o row) bool { return o.name == r.name }) {
			return plan{}, fmt.Errorf("floor table: %s stands there twice", r.name)
		}
		p.rows = append(p.rows, r)
	}
	if len(p.rows) == 0 {
		return plan{}, fmt.Errorf("no floor table: want one under %q", floorHead)
	}
	for _, cells := range table(page, clockHead) {
		if len(cells) != 2 || len(quoted(cells[0])) == 0 {
			return plan{}, fmt.Errorf("clock table: row %q: want `calls` and `places`", cells)
		}
		p.clocks = append(p.clocks, permit{quoted(cells[0]), quoted(cells[1])})
	}
	return p, nil
}

// table returns the cells of the rows of the Markdown table with this heading.
func table(page, head string) [][]string {
	_, rest, found := strings.Cut(page, head+"\n")
	if !found {
		return nil
	}
	var out [][]string
	for i, line := range strings.Split(rest, "\n") {
		if !strings.HasPrefix(line, "|") {
			break
		}
		if i == 0 {
			continue // the rule below the heading
		}
		cells := strings.Split(strings.Trim(line, "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		out = append(out, cells)
	}
	return out
}

// quoted returns what stands between backticks, in order.
func quoted(s string) []string {
	var out []string
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(s, -1) {
		out = append(out, m[1])
	}
	return out
}

// match reports whether a room's name in the table means this folder.
func match(name, dir string) bool {
	if base, below := strings.CutSuffix(name, "/..."); below {
		return dir == base || strings.HasPrefix(dir, base+"/")
	}
	if parent, siblings := strings.CutSuffix(name, "/*"); siblings {
		rest, inside := strings.CutPrefix(dir, parent+"/")
		return inside && !strings.Contains(rest, "/")
	}
	return name == dir
}

// find returns the index of the row for a folder, -1 when there is none. A row
// that names the folder goes before one that only includes it, and the longer
// name before the shorter.
func (p plan) find(dir string) int {
	best := -1
	for i, r := range p.rows {
		if r.name == dir {
			return i
		}
		if match(r.name, dir) && (best < 0 || len(r.name) > len(p.rows[best].name)) {
			best = i
		}
	}
	return best
}

func TestReadPlan(t *testing.T) {
	const page = `
# Rooms
` + floorHead + `
|---|---|---|---|---|
| 0 | ` + "`sim/dist/...` | laws | | |" + `
| 2 | ` + "`lab/pattern/*` | patterns | `a.org/x` `b.org/y` | `c.org/z`" + ` |

` + clockHead + `
|---|---|
| ` + "`time.Now` `time.Since` | `sim/clock`" + ` |
`
	p, err := readPlan(page)
	if err != nil {
		t.Fatal(err)
	}
	want := []row{
		{0, "sim/dist/...", nil, nil},
		{2, "lab/pattern/*", []string{"a.org/x", "b.org/y"}, []string{"c.org/z"}},
	}
	if !slices.EqualFunc(p.rows, want, func(a, b row) bool { return fmt.Sprint(a) == fmt.Sprint(b) }) {
		t.Errorf("rows = %v, want %v", p.rows, want)
	}
	if got := fmt.Sprint(p.clocks); got != "[{[time.Now time.Since] [sim/clock]}]" {
		t.Errorf("clocks = %s, want time.Now and time.Since in sim/clock", got)
	}
	for dir, want := range map[string]int{"sim/dist": 0, "sim/dist/deep/er": 0, "lab/pattern/cache": 1, "lab/pattern/cache/deep": -1, "lab/pattern": -1, "sim/distant": -1} {
		if got := p.find(dir); got != want {
			t.Errorf("find(%s) = %d, want %d", dir, got, want)
		}
	}
}

func TestReadPlanRefuses(t *testing.T) {
	row := func(floor, room string) string { return "| " + floor + " | " + room + " | x | | |\n" }
	for name, rows := range map[string]string{
		"no table":     "",
		"no number":    row("ground", "`sim`"),
		"no room":      row("0", "sim"),
		"unsorted":     row("1", "`lab`") + row("0", "`sim`"),
		"twice":        row("0", "`sim`") + row("0", "`sim`"),
		"short of one": "| 0 | `sim` | x | |\n",
	} {
		head := floorHead + "\n|---|---|---|---|---|\n"
		if rows == "" {
			head = ""
		}
		if p, err := readPlan(head + rows); err == nil {
			t.Errorf("%s: readPlan = %v, nil; want an error", name, p)
		}
	}
}
