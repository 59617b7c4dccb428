package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"workbench/lab"
	"workbench/lab/scenario"
	"workbench/sim/outcome"
	"workbench/sim/stat"
)

// printReport writes a report for a person.
func printReport(w io.Writer, spec scenario.Spec, r scenario.Report) {
	fmt.Fprintf(w, "%s: %s\n", r.Scenario, spec.Title)
	fmt.Fprintf(w, "engine %s, seed %d, scale %.4g, %.4g s", r.Engine, r.Seed, r.Scale, r.DurationS)
	if on := states(r); on != "" {
		fmt.Fprintf(w, ", with %s", on)
	}
	fmt.Fprint(w, "\n\n")
	fmt.Fprintf(w, "  goodput  %s of %d users, %d requests sent\n", percent(r.GoodputShare), r.Offered, r.Sent)
	fmt.Fprintf(w, "  latency  p50 %s  p90 %s  p99 %s  max %s\n", ms(r.LatencyMS.P50), ms(r.LatencyMS.P90), ms(r.LatencyMS.P99), ms(r.LatencyMS.Max))
	fmt.Fprintf(w, "  users   %s\n", outcomes(r))
	if len(r.Claims) > 0 {
		fmt.Fprintln(w)
	}
	for _, c := range r.Claims {
		if c.NotJudged != "" {
			fmt.Fprintf(w, "  %s %s: not judged, %s\n", c.Mark(), c.Text, c.NotJudged)
			continue
		}
		fmt.Fprintf(w, "  %s %s: %.4g (%s)\n", c.Mark(), c.Text, c.Value, c.Want)
	}
}

// states lists the patterns that are not off.
func states(r scenario.Report) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(r.Patterns)) {
		switch s := r.Patterns[name].State; s {
		case lab.Off:
		case lab.On:
			out = append(out, name)
		default:
			out = append(out, fmt.Sprintf("%s (%v)", name, s))
		}
	}
	return strings.Join(out, ", ")
}

// outcomes lists the shares of what became of the users, leaving out what did
// not happen.
func outcomes(r scenario.Report) string {
	var total uint64
	for _, n := range r.Outcomes {
		total += n
	}
	var out strings.Builder
	for _, name := range outcome.Names() {
		if n := r.Outcomes[name]; n > 0 {
			fmt.Fprintf(&out, " %s %s", name, percent(float64(n)/float64(total)))
		}
	}
	return out.String()
}

func percent(share float64) string { return stat.Percent(share, 1) }

// ms writes milliseconds, as seconds from one second on.
func ms(v float64) string {
	if v >= 1000 {
		return fmt.Sprintf("%.3g s", v/1000)
	}
	return fmt.Sprintf("%.3g ms", v)
}

// columns writes rows in aligned columns.
func columns(w io.Writer, rows [][]string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(t, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	return nil
}
