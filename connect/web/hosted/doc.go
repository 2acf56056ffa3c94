// Package hosted serves the pages by which end users authorize apps: the request link and all that
// follows from it, and the script that opens it in a popup.
//
// It must never store a credential that its app was seen to refuse, nor one that the app did not
// confirm unless the end user was told so and asked for it; never show one that was entered, and
// never tell a link that was used or has expired from one that never was.
package hosted
