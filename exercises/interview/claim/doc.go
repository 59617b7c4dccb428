// Package claim tells claims that are right from claims that are wrong by the
// words in which they are made, for one question at a time.
//
// A bank holds for each question the points that matter, each with several
// wordings of what is true and of what people say instead when they are sure and
// mistaken. From these a Judge learns which words, and which ordered pairs of
// near words, stand in true and which in false claims about the question, and
// weighs the sentences of an answer by them (naive Bayes over what is present).
// Nothing is random: the same bank and text always get the same weight.
package claim
