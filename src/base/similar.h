/*
 * similar.h - what a misspelt name was perhaps meant to be
 */
#ifndef BASE_SIMILAR_H
#define BASE_SIMILAR_H

/*
 * How far name is from what was written: 0 for the same but for case, else the
 * letters to insert, leave out or change (Levenshtein 1966), or SIMILAR_NOT for
 * more of them than a third of the longer, or names of more than 63 bytes.  A
 * name that the other begins with, of three letters at least, is not far: 1.
 */
#define SIMILAR_NOT 64
unsigned similar_distance(const char *written, const char *name);

#endif
