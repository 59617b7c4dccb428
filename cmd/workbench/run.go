package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"workbench/lab/scenario"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // a claim failed, or something broke
	exitUsage  = 2
)

// errUsage is wrapped by errors about how the program was called.
var errUsage = errors.New("usage")

// usagef returns an error about how the program was called.
func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

type usageError struct{ err error }

func (e usageError) Error() string   { return e.err.Error() }
func (e usageError) Unwrap() []error { return []error{errUsage, e.err} }

// program is one call of the command: its streams and what it is made of.
type program struct {
	in       io.Reader
	out, err io.Writer
	env      func(string) string
	parts    parts
	name     string // by which it was called, for the commands that it prints
}

// command is one subcommand.
type command struct {
	name, args, help string
	hidden           bool // left out of the usage
	run              func(context.Context, *program, []string) error
}

// commands lists the subcommands in the order of the usage.
func commands() []command {
	return []command{
		{name: "serve", args: "[--addr HOST:PORT] [--data DIR] [--redis URL] [--postgres URL] [--open]", help: "serve the workbench to a browser (the default)", run: serve},
		{name: "instance", args: "--join URL [--name N] [--listen HOST:PORT] [--token T]", help: "run one instance of a lab's service as a process of its own, here or on another host", run: serviceInstance},
		{name: "list", args: "scenarios|patterns|systems|brokers|trials|exercises|questions [--json]", help: "list what there is", run: list},
		{name: "run", args: "SCENARIO|FILE [--engine NAME] [--on PATTERN]… [--set PATTERN.KNOB=VALUE]… [--json]", help: "run a scenario and judge its claims", run: play},
		{name: "compare", args: `SCENARIO|FILE --a "FLAGS" --b "FLAGS"`, help: "run a scenario twice, with the same arrivals", run: compare},
		{name: "sweep", args: "SCENARIO|FILE --vary PATTERN.KNOB=LOW..HIGH [--steps N] [--seeds N] [--json]", help: "vary one knob and say where the scenario tips over", run: sweep},
		{name: "ablation", args: "[SCENARIO]… [--seeds N] [--json]", help: "show that each scenario is lost without its pattern and won with it", run: ablation},
		{name: "orders", args: "[--addr HOST:PORT] [--data DIR] [--broker NAME] [--rabbitmq URL] [--kafka ADDRS] [--redis URL]", help: "run the orders service alone, with everything on", run: ordersAlone},
		{name: "strip", args: "[--seed N] [--json]", help: "take one pattern at a time from the complete orders service, and say what is lost", run: strip},
		{name: "agree", args: "[SCENARIO|FILE]… [--full SCALE] [--json]", help: "play loads live, in virtual time and on paper, and print the disagreement", run: compareEngines},
		{name: "classics", args: "[ID]… [--seed N] [--json]", help: "run published results and hold them to their figures", run: reproduce},
		{name: "trial", args: "NAME [--set KNOB=VALUE]… [--wrong | --both] [--seed N] [--json]", help: "run an experiment on real components", run: tryOut},
		{name: "checklist", args: "[--run] [--json]", help: "print the guide's checklist and what shows each of its rows", run: checkOff},
		{name: "start", args: "EXERCISE [DIR] [--level blank|blanks|bug]", help: "write what an exercise begins with, for your own editor", run: start},
		{name: "check", args: "EXERCISE [DIR] [--json] [--watch] [--seed N] [--plug URL]", help: "grade an answer to an exercise; plug it into a running lab", run: check},
		{name: "edge", args: "--listen HOST:PORT --origin URL [--stale-if-error D] [--memory MIB]…", help: "put an HTTP cache (RFC 9111) before a server", run: edgeCache},
		{name: "doctor", args: "[--json]", help: "say what is missing on this machine and what works without it", run: doctor},
		{name: "version", help: "print the version", run: version},
		{name: sandboxInit, hidden: true, help: "become the first process of a sandbox", run: becomeSandboxed},
		{name: "traffic", hidden: true, help: "generate traffic: plan and changes on stdin, frames on stdout", run: traffic},
		{name: victimName, hidden: true, help: "take orders until killed, for the trial dual-write", run: victim},
	}
}

// run carries out one call and returns its exit code.
func run(ctx context.Context, args []string, in io.Reader, out, err io.Writer, env func(string) string) int {
	return runAs(ctx, "workbench", args, in, out, err, env)
}

// runAs is run for a program that was called by a name.
func runAs(ctx context.Context, name string, args []string, in io.Reader, out, err io.Writer, env func(string) string) int {
	p := &program{in: in, out: out, err: err, env: env, parts: wire(), name: name}
	return p.main(ctx, args)
}

func (p *program) main(ctx context.Context, args []string) int {
	name := "serve"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	} else if len(args) > 0 && isHelp(args[0]) {
		name = "help"
	}
	err := p.dispatch(ctx, name, args)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return exitOK
	case errors.Is(err, errUsage):
		p.complain(name, err)
		return exitUsage
	}
	p.complain(name, err)
	return exitFailed
}

func isHelp(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" }

func (p *program) dispatch(ctx context.Context, name string, args []string) error {
	if name == "help" {
		return p.help(ctx, args)
	}
	for _, c := range commands() {
		if c.name == name {
			return c.run(ctx, p, args)
		}
	}
	return usagef("unknown subcommand %q, want one of %s", name, strings.Join(names(), ", "))
}

func names() []string {
	var out []string
	for _, c := range commands() {
		if !c.hidden {
			out = append(out, c.name)
		}
	}
	return out
}

// complain writes an error to stderr, each joined one on its line.
func (p *program) complain(name string, err error) {
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintf(p.err, "workbench %s: %s\n", name, line)
	}
}

// flags reads the flags of a subcommand. They may stand before, between and
// after the other arguments, which it returns.
func (p *program) flags(fs *flag.FlagSet, args []string) ([]string, error) {
	fs.SetOutput(io.Discard)
	var rest []string
	for {
		if err := fs.Parse(args); err != nil {
			return nil, p.flagError(fs, err)
		}
		if fs.NArg() == 0 {
			return rest, nil
		}
		rest = append(rest, fs.Arg(0))
		args = fs.Args()[1:]
	}
}

// overrides adds the flags that change a scenario. Their faults are collected,
// so that all of them are reported at once.
func overrides(fs *flag.FlagSet, o *scenario.Override, faults *[]error) {
	add := func(name, usage string) {
		fs.Func(name, usage, func(value string) error {
			if err := o.Set(name, value); err != nil {
				*faults = append(*faults, err)
			}
			return nil
		})
	}
	add("on", "switch `PATTERN` on; may be repeated")
	add("off", "switch `PATTERN` off; may be repeated")
	add("shadow", "let `PATTERN` count what it would do, without acting; may be repeated")
	add("set", "set `PATTERN.KNOB=VALUE`, as an effective value; may be repeated")
	add("variant", "begin with the scenario's set of flags `NAME`")
	add("seed", "draw chance from seed `N` (default 1)")
	add("duration", "run for `D` in place of the scenario's length")
	add("users", "play with `N` users, such as 5M: traffic and capacity grow in proportion")
	add("instances", "begin with `N` instances of the service, 1 to 8")
	add("traffic", "multiply the traffic by `X`, 0 to 100, and not the capacity")
	add("fault", "let `FAULT` stand from start to end, such as gate-slow:factor=3 or instance-kill:target=b; may be repeated")
	add("scale", "multiply traffic and capacity by `X` (default: the engine's)")
}
