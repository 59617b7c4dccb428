package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// built is what the program is called after make build.
const built = "bin/workbench"

// calledAs returns the name for the commands that the program prints: the one by
// which it was called, so that they can be copied. What go run makes is gone
// when it ends, and is called by its package.
func calledAs(arg string) string {
	path := filepath.ToSlash(arg)
	switch {
	case arg == "":
		return built
	case strings.Contains(path, "/go-build"):
		return "go run ./cmd/workbench"
	case strings.ContainsAny(arg, " \t"):
		return strconv.Quote(arg)
	}
	return arg
}

// help prints what the program can do, or what one subcommand can.
func (p *program) help(ctx context.Context, args []string) error {
	if len(args) == 0 || isHelp(args[0]) {
		return p.usage()
	}
	if len(args) > 1 {
		return usagef("got %q, want one subcommand", args)
	}
	if args[0] == "help" {
		return p.usage()
	}
	return p.dispatch(ctx, args[0], []string{"--help"})
}

// usage prints what the program can do.
func (p *program) usage() error {
	fmt.Fprint(p.out, "workbench: learn to design services for heavy traffic by operating one\n\n")
	for _, c := range commands() {
		if !c.hidden {
			fmt.Fprintf(p.out, "  %s\n      %s\n", strings.TrimSpace(p.name+" "+c.name+" "+c.args), c.help)
		}
	}
	fmt.Fprintf(p.out, "\n%s SUBCOMMAND --help lists a subcommand's flags. Settings may also come from the environment, as WORKBENCH_ADDR and so on.\n", p.name)
	return nil
}

// flagError prints a subcommand's flags when help was asked for, and otherwise
// says which flag is wrong.
func (p *program) flagError(fs *flag.FlagSet, err error) error {
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(p.out, "%s %s\n\n", p.name, fs.Name())
		fs.VisitAll(func(f *flag.Flag) {
			name, help := flag.UnquoteUsage(f)
			fmt.Fprintf(p.out, "  %s\n      %s%s\n", strings.TrimSpace("--"+f.Name+" "+name), help, defaultOf(f))
		})
		return err
	}
	text := err.Error()
	if bad, ok := strings.CutPrefix(text, "flag provided but not defined: -"); ok {
		var known []string
		fs.VisitAll(func(f *flag.Flag) { known = append(known, "--"+f.Name) })
		return usagef("flag --%s: unknown, want one of %s", strings.TrimPrefix(bad, "-"), strings.Join(known, ", "))
	}
	if name, ok := strings.CutPrefix(text, "flag needs an argument: -"); ok {
		return usagef("flag --%s: got nothing after it, want %s", name, wanted(fs.Lookup(name)))
	}
	if name, value, why, ok := wrongValue(text); ok {
		if f := fs.Lookup(name); f != nil && typed(f) {
			return usagef("flag --%s: got %q, want %s", name, value, wanted(f))
		}
		return usagef("flag --%s: got %q: %s", name, value, why)
	}
	return usagef("%v", err)
}

// wrongValue takes the flag library's words about a value apart.
func wrongValue(text string) (name, value, why string, ok bool) {
	rest, ok := strings.CutPrefix(text, "invalid value ")
	if !ok {
		if rest, ok = strings.CutPrefix(text, "invalid boolean value "); !ok {
			return "", "", "", false
		}
	}
	quoted, err := strconv.QuotedPrefix(rest)
	if err != nil {
		return "", "", "", false
	}
	value, err = strconv.Unquote(quoted)
	if err != nil {
		return "", "", "", false
	}
	rest = strings.TrimPrefix(strings.TrimPrefix(rest[len(quoted):], " for "), "flag ")
	name, why, ok = strings.Cut(strings.TrimPrefix(rest, "-"), ": ")
	return name, value, why, ok
}

// typed reports whether the library reads the flag's value itself, and so has
// nothing better to say of a wrong one than that it is.
func typed(f *flag.Flag) bool {
	_, ok := f.Value.(flag.Getter)
	return ok
}

// wanted says what a flag's value may be.
func wanted(f *flag.Flag) string {
	if f != nil {
		if g, ok := f.Value.(flag.Getter); ok {
			switch g.Get().(type) {
			case bool:
				return "true or false"
			case uint, uint64:
				return "a whole number of at least 0"
			case int, int64:
				return "a whole number"
			case float64:
				return "a number"
			case time.Duration:
				return "a duration such as 500ms, 5s or 2m"
			}
		}
	}
	return "a value"
}

// defaultOf says what holds without the flag, where its text does not. What has a
// secret in it, as a URL from the environment may, is not shown.
func defaultOf(f *flag.Flag) string {
	switch {
	case f.DefValue == "", f.DefValue == "false", strings.Contains(f.Usage, "(default"):
		return ""
	case f.Name == "token", strings.Contains(f.DefValue, "@"):
		return " (default: the environment's)"
	}
	return fmt.Sprintf(" (default %s)", f.DefValue)
}
