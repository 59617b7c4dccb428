package interview

// quoted reports whether a sentence tells what others say, or is called wrong by
// the next one ("…. That's not true, because …").
func (r *reading) quoted(i int) bool {
	for _, m := range r.lines[i].cues[quote] {
		if first := r.lines[i].Words[m.At[0]].Text; !m.Denied || first == "not" || first == "no" {
			return true
		}
	}
	return i+1 < len(r.lines) && rejects(&r.lines[i+1])
}

// rejects reports whether a sentence begins by calling wrong what was just said.
func rejects(l *line) bool {
	at := func(i int) string {
		if i < len(l.Words) {
			return l.Words[i].Text
		}
		return ""
	}
	i := 0
	for at(i) == "but" || at(i) == "and" || at(i) == "well" {
		i++
	}
	switch at(i) {
	case "wrong", "false", "no", "nonsense":
		return i == 0 && len(l.Words) > 1
	case "that", "this", "it", "which", "they", "both":
	default:
		return false
	}
	if i++; at(i) == "would" {
		i++
	}
	switch at(i) {
	case "is", "are", "was", "does", "do", "will", "be":
	default:
		i-- // that's
	}
	switch at(i + 1) {
	case "wrong", "false", "nonsense", "incorrect", "untrue":
		return true
	case "not":
		return len(l.Words) <= i+3 || at(i+2) == "true" || at(i+2) == "so" || at(i+2) == "right" || at(i+2) == "correct" || at(i+2) == "because" || at(i+2) == "enough"
	case "a", "the":
		return at(i+2) == "mistake" || at(i+2) == "myth" || at(i+2) == "usual" || at(i+2) == "common" || at(i+2) == "classic"
	}
	return false
}
