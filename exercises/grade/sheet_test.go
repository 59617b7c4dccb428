package grade

import (
	"encoding/json"
	"testing"
)

// A verdict has one form on paper; the plain one lacks the details and leaves
// the whole one as it is.
func TestSheet(t *testing.T) {
	v := Verdict{
		Exercise: "x", State: Fail, Reason: "fail: no", Score: 30, Of: 80, Race: Unchecked, Leak: Found, Advice: []string{"a.go:1: no"}, Lesson: "why", Output: "out",
		Cases: []Case{{Name: "TestA", State: Fail, Points: 0, Of: 10, Message: "m", Expected: "1", Got: "2", At: "a.go:3", Hint: "look", Trace: []Moment{{"1s", "e"}}, Earlier: 2}},
	}
	const (
		head = `{"exercise":"x","accepted":false,"score":30,"cases":[{"name":"TestA","ok":false,"points":0,"message":"m","trace":[{"at":"1s","text":"e"}],"earlier":2`
		mid  = `}],"race":null,"leak":true,"duration_ms":0,"reason":"fail: no"`
	)
	plain := head + mid + `}`
	whole := head + `,"status":"fail","of":10,"expected":"1","got":"2","at":"a.go:3","hint":"look"` + mid + `,"state":"fail","of":80,"output":"out","advice":["a.go:1: no"],"lesson":"why"}`
	sheet := v.Sheet()
	for want, s := range map[string]Sheet{plain: sheet.Plain(), whole: sheet} {
		if got, err := json.Marshal(s); err != nil || string(got) != want {
			t.Errorf("got  %s, %v\nwant %s", got, err, want)
		}
	}
}

// A sheet that was kept before there were traces is read as it was.
func TestOlderSheet(t *testing.T) {
	var s Sheet
	err := json.Unmarshal([]byte(`{"exercise":"x","cases":[{"name":"TestA","ok":false,"points":0,"message":"m","status":"fail","of":10}]}`), &s)
	if err != nil || len(s.Cases) != 1 || s.Cases[0].Message != "m" || s.Cases[0].Trace != nil || s.Cases[0].Earlier != 0 {
		t.Errorf("read %+v, %v; want the case without a trace", s, err)
	}
}
