package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"workbench/exercises/shelf"
)

// record is what was found of one exercise. Its methods may be called from
// several goroutines.
type record struct {
	e      exercise
	tests  int
	mu     sync.Mutex
	kinds  map[string]*tally // by "starters", "right", "mutants"
	runs   int
	slow   time.Duration // the slowest run of a right answer
	faults []string
	notes  []string
}

type tally struct{ good, all int }

func (r *record) fault(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.faults = append(r.faults, r.e.Slug+": "+fmt.Sprintf(format, args...))
}

// row is the exercise's line of the table.
func (r *record) row() string {
	of := func(kind string) string {
		t := r.kinds[kind]
		return fmt.Sprintf("%d/%d", t.good, t.all)
	}
	return fmt.Sprintf("%-24s %-9s %-9s %-9s %-6d %-9d %-9v %d", fmt.Sprintf("%02d-%s", r.e.Order, r.e.Slug),
		of("starters"), of("right"), of("mutants"), r.tests, r.runs, r.slow.Round(time.Millisecond), len(r.faults))
}

// prove checks, compiles and runs one exercise.
func prove(ctx context.Context, e exercise, opt options) *record {
	r := &record{e: e, tests: len(e.tests()), kinds: map[string]*tally{"starters": {}, "right": {}, "mutants": {}}}
	for _, text := range check(e) {
		r.fault("%s", text)
	}
	starters, right, wrong := e.variants()
	s, err := stage(ctx, e, slices.Concat(starters, right, wrong))
	if s.dir != "" {
		defer os.RemoveAll(s.dir)
	}
	if err != nil {
		r.fault("stage: %v", err)
		return r
	}
	slots := make(chan struct{}, opt.jobs)
	var all sync.WaitGroup
	each := func(kind string, variants []string, judge func(context.Context, string, string, options)) {
		for _, v := range variants {
			r.kinds[kind].all++
			all.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				r.judge(kind, v, s, func(binary string) { judge(ctx, v, binary, opt) })
			})
		}
	}
	each("starters", starters, r.starter)
	each("right", right, r.right)
	each("mutants", wrong, r.mutant)
	all.Wait()
	slices.Sort(r.faults)
	slices.Sort(r.notes)
	return r
}

// judge looks for the variant's binary and counts the variant as good when
// judging it found no fault.
func (r *record) judge(kind, variant string, s staged, judge func(binary string)) {
	binary := s.binary(variant)
	if binary == "" {
		r.fault("%s does not compile:\n%s", variant, about(s.output, name(variant)))
		return
	}
	mine := func() (n int) {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, f := range r.faults {
			if strings.HasPrefix(f, r.e.Slug+": "+variant+" ") {
				n++
			}
		}
		return n
	}
	before := mine()
	judge(binary)
	if mine() == before {
		r.mu.Lock()
		r.kinds[kind].good++
		r.mu.Unlock()
	}
}

// ways returns the ways to run a binary: shuffled, then on one processor, then
// beside burners.
func (r *record) ways(variant string, opt options) []way {
	seed := func(i int) uint64 {
		h := fnv.New64a()
		fmt.Fprint(h, r.e.Slug, variant, opt.seed, i)
		return h.Sum64()>>1 | 1
	}
	var out []way
	for i := range opt.runs {
		out = append(out, way{name: fmt.Sprintf("run %d", i+1), seed: seed(i)})
	}
	return append(out, way{name: "one processor", seed: seed(opt.runs), cpus: 1}, way{name: "busy machine", seed: seed(opt.runs + 1), busy: true})
}

// limit is how long one run of a binary may take, as in the grader.
func (r *record) limit() time.Duration { return r.e.Limits.Run() }

func (r *record) ran(n int, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runs += n
	r.slow = max(r.slow, took)
}

// starter wants the binary to fail, by itself.
func (r *record) starter(ctx context.Context, variant, binary string, opt options) {
	got := play(ctx, binary, r.limit(), r.ways(variant, opt)[0])
	r.ran(1, 0)
	switch {
	case got.ok:
		r.fault("%s passes: there is nothing to do", variant)
	case got.hung:
		r.fault("%s hangs: a learner's first run should end by itself\n%s", variant, tail(got.output))
	}
}

// right wants every test to pass in every run.
func (r *record) right(ctx context.Context, variant, binary string, opt options) {
	tests := r.e.tests()
	for _, w := range r.ways(variant, opt) {
		got := play(ctx, binary, r.limit(), w)
		r.ran(1, got.took)
		missing := slices.DeleteFunc(slices.Clone(tests), func(name string) bool { return got.passed[name] })
		if !got.ok || len(missing) > 0 {
			r.fault("%s is rejected (%v, hung %v) by %v\n%s", variant, w, got.hung, missing, tail(got.output))
		}
	}
}

// mutant wants each named test to fail in every run, without our ending it; and
// the whole suite to end.
func (r *record) mutant(ctx context.Context, variant, binary string, opt options) {
	i := slices.IndexFunc(r.e.Mutants, func(m shelf.Mutant) bool { return m.Dir == variant })
	if i < 0 {
		return // check has said so
	}
	for _, w := range r.ways(variant, opt) {
		r.killed(ctx, variant, binary, r.e.Mutants[i].MustFail, w)
	}
	got := play(ctx, binary, r.limit(), r.ways(variant, opt)[0])
	r.ran(1, 0)
	if got.hung {
		r.fault("%s hangs the whole suite: some test should end it\n%s", variant, tail(got.output))
	}
	if opt.all {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.notes = append(r.notes, fmt.Sprintf("%s fails %s", variant, strings.Join(slices.Sorted(maps.Keys(got.failed)), " ")))
	}
}

// timeless are the tests in which nothing happens that could be told: they try
// settings, or measure.
var timeless = regexp.MustCompile(`^Test(Bad\w+|\w*Alloc\w*|Cheap\w*|\w+Cheap)$`)

// killed runs the named tests together in one way. One that a crash of another
// kept from running is run by itself.
func (r *record) killed(ctx context.Context, variant, binary string, tests []string, w way) {
	got := play(ctx, binary, r.limit(), w, tests...)
	r.ran(1, 0)
	for _, test := range tests {
		alone := got
		if len(tests) > 1 && !got.failed[test] && !got.passed[test] {
			alone = play(ctx, binary, r.limit(), w, test)
			r.ran(1, 0)
		}
		switch {
		case alone.hung:
			r.fault("%s makes %s hang (%v): the test should say what is wrong\n%s", variant, test, w, tail(alone.output))
		case alone.ok || alone.passed[test]:
			r.fault("%s survives %s (%v)", variant, test, w)
		case !alone.told[test] && !timeless.MatchString(test):
			r.fault("%s fails %s (%v), which writes down nothing of what happened: see exercises/00-layout.md", variant, test, w)
		}
	}
}

// tail returns the end of an output, where the reason is.
func tail(output string) string {
	const most = 1800
	if len(output) > most {
		output = "…" + output[len(output)-most:]
	}
	return output
}

// about returns the part of the compiler's output that is about one variant.
func about(output, variant string) string {
	var out []string
	on := false
	for line := range strings.Lines(output) {
		if strings.HasPrefix(line, "#") {
			on = strings.Contains(line, "/"+variant+"/")
		}
		if on {
			out = append(out, line)
		}
	}
	if len(out) == 0 {
		return tail(output)
	}
	return strings.Join(out, "")
}
