package view

import (
	"errors"
	"fmt"
	"strconv"

	"workbench/lab/classics"
	"workbench/lab/proof"
)

// Classics is the page of published results and what we find.
type Classics struct {
	Rows    []Classic
	Sum     string // "All 50 published results are reproduced."
	Worker  string // of the browser's engine; empty: the server was built without
	Seed    string // of the kept figures
	Version string
}

// Classic is one published result.
type Classic struct {
	ID, Title, Figure, Source string
	Theory, Tolerance         string
	Value, Half, Samples      string
	OK                        bool
}

// ClassicsOf makes the page from the results and the kept figures, in the order
// of the results. A result without a figure is an error.
func ClassicsOf(all []classics.Classic, kept []proof.Figure, worker, version string) (Classics, error) {
	v := Classics{Worker: worker, Version: version}
	byID := map[string]proof.Figure{}
	for _, f := range kept {
		byID[f.ID] = f
		v.Seed = strconv.FormatUint(f.Seed, 10)
	}
	var faults []error
	held := 0
	for _, c := range all {
		f, ok := byID[c.ID]
		if !ok {
			faults = append(faults, fmt.Errorf("classic %s: there is no kept figure of it; make them anew with make proof", c.ID))
			continue
		}
		if f.OK {
			held++
		}
		v.Rows = append(v.Rows, Classic{
			ID: c.ID, Title: c.Title, Figure: c.Figure, Source: c.Source, Theory: significant(c.Theory, 5), Tolerance: significant(c.Tolerance, 2),
			Value: significant(f.Value, 5), Half: significant(max(f.High-f.Value, f.Value-f.Low), 2), Samples: strconv.Itoa(f.Samples), OK: f.OK,
		})
	}
	v.Sum = fmt.Sprintf("All %d published results are reproduced.", len(all))
	if held < len(all) {
		v.Sum = fmt.Sprintf("%d of %d published results are reproduced.", held, len(all))
	}
	return v, errors.Join(faults...)
}

// significant writes a number with so many significant digits, and no exponent
// between a ten-thousandth and a million.
func significant(v float64, n int) string {
	text := strconv.FormatFloat(v, 'g', n, 64)
	if rounded, err := strconv.ParseFloat(text, 64); err == nil && (rounded == 0 || rounded >= 1e-4 && rounded < 1e6) {
		return strconv.FormatFloat(rounded, 'f', -1, 64)
	}
	return text
}
