package guide

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"strings"
)

// keptFile is where the kept figures are.
const keptFile = "numbers.json"

// Figure is a number that the guide prints, as it was last measured.
type Figure struct {
	ID     string  `json:"id"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`   // as printed: "%", "ms", "×", …; empty for a plain number
	Digits int     `json:"digits"` // after the decimal point; -2: rounded to hundreds
	// Tolerance is how far a later measurement may be off, as a share of Value;
	// 0: as printed, to the last digit.
	Tolerance float64 `json:"tolerance"`
	Command   string  `json:"command"`           // gives it
	How       string  `json:"how"`               // what is measured, in words
	Formula   string  `json:"formula,omitempty"` // of a figure from theory
}

// Figures is all kept figures, by id.
type Figures map[string]Figure

// Text returns the figure as the guide prints it.
func (f Figure) Text() string {
	text := grouped(strconv.FormatFloat(f.Rounded(f.Value), 'f', max(0, f.Digits), 64))
	switch f.Unit {
	case "":
		return text
	case "×", "/s":
		return text + f.Unit
	}
	return text + " " + f.Unit
}

// Rounded returns a value to the figure's digits. Zero has no sign.
func (f Figure) Rounded(v float64) float64 {
	scale := math.Pow(10, float64(f.Digits))
	return math.Round(v*scale)/scale + 0
}

// Check says how a new measurement differs from the kept one; empty when it
// does not by more than the tolerance.
func (f Figure) Check(got float64) string {
	if f.Tolerance == 0 {
		if f.Rounded(got) != f.Rounded(f.Value) {
			return fmt.Sprintf("%s: measured %v, kept %v", f.ID, f.Rounded(got), f.Value)
		}
		return ""
	}
	// A ratio may be off by as much downwards as upwards: twice or half.
	low, high := f.Value/(1+f.Tolerance), f.Value*(1+f.Tolerance)
	if !(got >= low && got <= high) {
		return fmt.Sprintf("%s: measured %.4g, kept %.4g, which allows %.4g to %.4g", f.ID, got, f.Value, low, high)
	}
	return ""
}

// grouped puts a comma before each third digit of a number.
func grouped(text string) string {
	whole, rest, _ := strings.Cut(text, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		rest = "." + rest
	}
	return sign + whole + rest
}

func readFigures(folder fs.FS) (Figures, error) {
	src, err := fs.ReadFile(folder, keptFile)
	if err != nil {
		return nil, fmt.Errorf("read the kept figures: %w", err)
	}
	return ParseFigures(src)
}

// ParseFigures reads kept figures.
func ParseFigures(src []byte) (Figures, error) {
	var list []Figure
	if err := json.Unmarshal(src, &list); err != nil {
		return nil, fmt.Errorf("read the kept figures: %w; make guide-numbers-new makes them anew", err)
	}
	out := Figures{}
	for _, f := range list {
		if _, twice := out[f.ID]; twice {
			return nil, fmt.Errorf("kept figure %s: got it twice, want one", f.ID)
		}
		out[f.ID] = f
	}
	return out, nil
}

// JSON returns the figures as they are kept, by id.
func (fs Figures) JSON() ([]byte, error) {
	var list []Figure
	for _, f := range fs {
		list = append(list, f)
	}
	slices.SortFunc(list, func(a, b Figure) int { return strings.Compare(a.ID, b.ID) })
	out, err := json.MarshalIndent(list, "", " ")
	if err != nil {
		return nil, fmt.Errorf("write the kept figures: %w", err)
	}
	return append(out, '\n'), nil
}
