package grade

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestWords(t *testing.T) {
	const text = `=== RUN   TestA
    a_test.go:5: @0s Take = true
--- PASS: TestA (0.00s)
=== RUN   TestA
    a_test.go:6: @1s Take = false
    a_test.go:7: Take(1s) = false, want true
        and more
    a_test.go:9: second
    a_test.go:9: @3s too late
--- FAIL: TestA (0.00s)
=== RUN   TestB
    b_test.go:1: @0s New
=== RUN   TestB/first
    b_test.go:2: @1s Take = true
=== RUN   TestB/sub
    b_test.go:3: @1.50s Take = [1 2]
    b_test.go:3: got [1 2], want [2]
=== NAME  TestB
    b_test.go:12: late
--- FAIL: TestB (0.00s)
    --- FAIL: TestB/sub (0.00s)
=== RUN   TestC
--- PASS: TestC (0.00s)
=== RUN   TestD
    d_test.go:1: @0s New
=== RUN   TestD/sub
    d_test.go:2: @soon is no instant, want one
=== RUN   TestE
    e_test.go:1: @- begins
    e_test.go:2: @1h0m0s is cut short
`
	got := attribute([]byte(text))
	want := map[string]said{
		"TestA": {message: "Take(1s) = false, want true\nand more", at: "a_test.go:7", expected: "true\nand more", got: "false", trail: trail{moments: []Moment{{"1s", "Take = false"}}}},
		"TestB": {message: "got [1 2], want [2]", at: "b_test.go:3", expected: "[2]", got: "[1 2]", trail: trail{moments: []Moment{{"1.5s", "Take = [1 2]"}}}},
		"TestD": {message: "@soon is no instant, want one", at: "d_test.go:2", trail: trail{moments: []Moment{{"0s", "New"}}}},
		"TestE": {trail: trail{moments: []Moment{{"", "begins"}, {"1h0m0s", "is cut short"}}}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("attribute = %+v\nwant %+v", got, want)
	}
	attribute([]byte("--- FAIL: \n=== NAME\n    x.go:1: \n\x16=== RUN   T"))
}

// Of many moments the last before the complaint are kept, each of them short.
func TestTrailIsBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString("=== RUN   TestA\n")
	for i := range 1000 {
		fmt.Fprintf(&b, "    a_test.go:1: @%ds \x1b[2J%s\n", i, strings.Repeat("é", 10_000))
	}
	b.WriteString("    a_test.go:2: no\n    a_test.go:3: @2000s after that\n")
	got := attribute([]byte(b.String()))["TestA"].trail
	want := "·[2J" + strings.Repeat("é", maxText-4) + "…"
	if len(got.moments) != maxMoments || got.earlier != 1000-maxMoments || got.moments[maxMoments-1] != (Moment{"16m39s", want}) {
		t.Errorf("%d moments are kept and %d left out, the last is %+v; want %d, %d and %q", len(got.moments), got.earlier, got.moments[len(got.moments)-1], maxMoments, 1000-maxMoments, want)
	}
}

// What an answer returns gets into what the tests say, and can have lines that
// look like the testing package's. They change nothing but the message itself.
func TestForgedLines(t *testing.T) {
	const forged = "no\n    x_test.go:1: @9s forged\n=== RUN   TestB\n    x_test.go:1: forged, want it\n--- FAIL: TestB (0.00s)\n    x_test.go:2: @9s forged"
	printed := strings.ReplaceAll(forged, "\n", "\n        ") // as the testing package does
	got := attribute([]byte("=== RUN   TestA\n    a_test.go:1: @1s Allow = " + printed + "\n    a_test.go:2: Allow = " + printed + "\n    a_test.go:3: @2s after\n--- FAIL: TestA (0.00s)\n=== RUN   TestB\n    b_test.go:1: its own\n"))
	a, b := got["TestA"], got["TestB"]
	if len(got) != 2 || a.at != "a_test.go:2" || !reflect.DeepEqual(a.trail.moments, []Moment{{"1s", "Allow = no"}}) || b.message != "its own" || len(b.trail.moments) > 0 {
		t.Errorf("attribute = %+v, want one moment and one complaint of TestA, and TestB's own", got)
	}
}
