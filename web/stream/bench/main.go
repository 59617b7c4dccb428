// Command bench measures what open pages cost the server: its share of a core
// with fifty pages on their streams, what each page has to receive, and how
// soon a page and its first frame come. The server runs in a process of its
// own with the stand-in for a lab behind it, so that nothing but serving is
// measured; the pages are readers in this process.
//
// The figures are of the machine at the moment. This is no test.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"workbench/sim/clock"
)

// What the server owes.
const (
	goalCPU   = .05  // share of a core, with all pages open
	goalBytes = 6000 // a second, for each page
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	pages := flags.Int("pages", 50, "open `N` pages")
	length := flags.Duration("for", 10*time.Second, "measure for `D`")
	server := flags.Bool("server", false, "be the server that is measured; ends when stdin does")
	if err := flags.Parse(args); err != nil {
		return err
	}
	switch {
	case *pages < 1 || *pages > 200:
		return fmt.Errorf("flag --pages: got %d, want 1 to 200", *pages)
	case *length < time.Second:
		return fmt.Errorf("flag --for: got %v, want at least 1s", *length)
	case *server:
		return serve(ctx, in, out)
	}
	return measure(ctx, out, *pages, *length)
}

// measure runs the server twice, without pages and with them, and prints what
// came out.
func measure(ctx context.Context, out io.Writer, pages int, length time.Duration) error {
	c := clock.NewWall()
	idle, _, err := trial(ctx, c, 0, length)
	if err != nil {
		return err
	}
	busy, got, err := trial(ctx, c, pages, length)
	if err != nil {
		return err
	}
	seconds := length.Seconds()
	bytes := float64(got.bytes) / float64(pages) / seconds
	share := busy.Seconds() / seconds
	fmt.Fprintf(out, "%d pages on their streams for %.0f s, %.1f frames a second each\n\n", pages, seconds, float64(got.frames)/float64(pages)/seconds)
	fmt.Fprintf(out, "%s server, of a core       %6.2f %%   goal below %.0f %%; start and stand-in alone %.2f %%\n", mark(share < goalCPU), 100*share, 100*goalCPU, 100*idle.Seconds()/seconds)
	fmt.Fprintf(out, "%s bytes a second and page  %6.0f     goal at most %d\n", mark(bytes <= goalBytes), bytes, goalBytes)
	fmt.Fprintf(out, "  first page answered in   %6.1f ms  with %.0f KB\n", ms(got.page), float64(got.pageBytes)/1000)
	fmt.Fprintf(out, "  first frame came after   %6.1f ms  of asking; the slowest of the pages\n", ms(got.first))
	return nil
}

func mark(ok bool) string {
	if ok {
		return "✓"
	}
	return "✗"
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
