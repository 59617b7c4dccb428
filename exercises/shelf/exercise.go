package shelf

import (
	"io/fs"
	"slices"
	"time"
)

// Exercise is one exercise: what exercise.json says, and where its files are.
type Exercise struct {
	Slug         string    `json:"slug"`
	Title        string    `json:"title"`
	Order        int       `json:"order"`
	Difficulty   int       `json:"difficulty"` // 1 to 5
	Minutes      int       `json:"minutes"`
	Tracks       []string  `json:"tracks"`
	Chapter      int       `json:"chapter"` // of the guide, 1 to 9
	Pattern      string    `json:"pattern"` // of the lab; empty: none
	Package      string    `json:"package"`
	Names        []string  `json:"files"`         // of the files that the learner writes
	AllowImports []string  `json:"allow_imports"` // nothing else may be imported
	Levels       []string  `json:"levels"`
	Contract     []Promise `json:"contract"`
	Tasks        []Task    `json:"tasks"`
	Checks       Checks    `json:"checks"`
	Limits       Limits    `json:"limits"`
	Plug         *Plug     `json:"plug"` // nil: an answer has no place in the lab
	Mutants      []Mutant  `json:"mutants"`
	Right        []string  `json:"right"`

	folder string // NN-slug
	files  fs.FS  // rooted at the folder
}

// Plug says in place of which pattern of the lab an accepted answer can decide.
// How it is asked is in the exercise's folder plug.
type Plug struct {
	Pattern string `json:"pattern"`
}

// Promise is one sentence of the contract, and the tests that hold an answer to
// it.
type Promise struct {
	Text  string   `json:"text"`
	Tests []string `json:"tests"`
}

// Kind is what a task judges.
type Kind string

const (
	Correctness Kind = "correctness"
	Concurrency Kind = "concurrency"
	Robustness  Kind = "robustness"
	Performance Kind = "performance"
)

// Points returns how many points all tasks of each kind have together.
func Points() map[Kind]int {
	return map[Kind]int{Correctness: 50, Concurrency: 20, Robustness: 20, Performance: 10}
}

// Task is a group of tests with points and hints, which share the points out
// among them. One of them may be the benchmark; a task without tests is the
// benchmark's alone.
type Task struct {
	ID     string   `json:"id"`
	Title  string   `json:"title"`
	Tests  []string `json:"tests"`
	Points int      `json:"points"`
	Kind   Kind     `json:"kind"`
	Hints  []string `json:"hints"` // three rungs: look at, the idea, the shape in words
}

// Checks says what is judged beside the tests.
type Checks struct {
	Race  bool   `json:"race"`
	Leaks bool   `json:"leaks"`
	Runs  int    `json:"runs"` // how often the tests run, shuffled anew each time
	Bench *Bench `json:"bench"`
}

// Bench compares an answer's speed with that of the first right one.
type Bench struct {
	Name string  `json:"name"` // of the benchmark
	Full float64 `json:"full"` // up to this many times the reference's duration: all points
	Zero float64 `json:"zero"` // from here on: none
}

// Limits bound the build and each run.
type Limits struct {
	BuildS int `json:"build_s"`
	RunS   int `json:"run_s"`
	MemMB  int `json:"mem_mb"`
}

// Build returns the limit of the build.
func (l Limits) Build() time.Duration { return time.Duration(l.BuildS) * time.Second }

// Run returns the limit of one run.
func (l Limits) Run() time.Duration { return time.Duration(l.RunS) * time.Second }

// Memory returns the limit of memory in bytes.
func (l Limits) Memory() int64 { return int64(l.MemMB) << 20 }

// Mutant is a wrong answer, and the tests that must find it out.
type Mutant struct {
	Dir      string   `json:"dir"`
	MustFail []string `json:"must_fail"`
	Lesson   string   `json:"lesson"`
}

// Folder returns the name of the exercise's folder, such as 01-token-bucket.
func (e Exercise) Folder() string { return e.folder }

// ImportPath is how the exercise's tests import the answer.
func (e Exercise) ImportPath() string { return "workbench/exercises/" + e.folder + "/start" }

// Task returns the task that a test belongs to.
func (e Exercise) Task(test string) (Task, bool) {
	i := slices.IndexFunc(e.Tasks, func(t Task) bool { return slices.Contains(t.Tests, test) })
	if i < 0 {
		return Task{}, false
	}
	return e.Tasks[i], true
}

// Forbidden returns the packages that no exercise may allow: with them an
// answer could reach around its tests.
func Forbidden() []string {
	return []string{
		"C", "embed", "flag", "internal", "log", "os", "os/exec", "os/signal", "os/user", "path/filepath", "plugin", "reflect",
		"runtime", "runtime/cgo", "runtime/coverage", "runtime/debug", "runtime/metrics", "runtime/pprof", "runtime/race", "runtime/trace",
		"syscall", "testing", "testing/fstest", "testing/iotest", "testing/quick", "testing/slogtest", "testing/synctest", "unsafe",
		"net", "net/rpc", "debug/buildinfo", "debug/elf", "expvar", "go/build", "io/ioutil",
	}
}
