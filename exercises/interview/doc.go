// Package interview rehearses interviews: questions with their rubrics, and a
// score for an answer that says for each point which sentence earned it.
//
// Questions and what counts as saying a thing are data: questions/*.yaml,
// concepts/*.yaml, turns/*.yaml (what can be told the wrong way round) and
// lexicon.yaml, read once by Load. A concept is heard in
// any of many phrasings; see package phrase for the patterns. Scoring is
// deterministic and pure: the same answer to the same question always gets the
// same result, no clock is read and nothing is stored.
//
// A score has five parts: scope and numbers 20, design 20, depth and
// correctness 25, trade-offs and failure modes 20, delivery 15. A claim that is
// known to be wrong costs points, and an answer that is mostly such claims, or
// a list of keywords, stays below a ceiling. The learner may overrule the
// judgement of a concept; the result shows both.
package interview
