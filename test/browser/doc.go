// Package browser holds tests that use the console as people do: with a real
// browser, at the built program with the sample fleet in it.
//
// There is a test for each job that somebody comes to the console for. Whatever
// a test does, its browser is watched: no page may ask another machine for
// anything, break its own content security policy, log an error or open a
// dialog. Over all pages go tests of what holds for every page: axe-core finds
// nothing, nothing is wider than a narrow screen, and every name shows as text.
//
// pages_test.go lists the pages; person_test.go is what a person can do. With
// REEVE_SCREENSHOTS=DIR the pages are photographed too (make screenshots).
// Without Chromium the tests skip, and fail with REEVE_REQUIRE_ALL=1.
package browser
