// Package claim tells claims that are right from claims that are wrong by the
// words in which they are made, for one question at a time.
//
// A bank holds for each question the points that matter, each with several
// wordings of what is true and of what people say instead when they are sure and
// mistaken, and whole answers of both kinds. A Judge weighs a sentence by its words
// and its ordered pairs of near words: how much nearer it is to its nearest false
// claims than to its nearest true ones (the cosine, rare words weighing more), and
// what its words are worth in claims of either kind (naive Bayes). Nothing is
// random: the same bank and text always get the same weight.
package claim
