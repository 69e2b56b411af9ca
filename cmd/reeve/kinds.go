package main

import (
	"time"

	"reeve/internal/source"
	"reeve/internal/source/aws"
	"reeve/internal/source/directory"
	"reeve/internal/source/schedule"
	"reeve/internal/source/vsphere"
)

// sourceKinds are the places that a server can pull resources from.
func sourceKinds() schedule.Kinds {
	return schedule.Kinds{
		"aws":       schedule.KindOf(15*time.Minute, nil, openAWS),
		"vsphere":   schedule.KindOf(15*time.Minute, completeVSphere, openVSphere),
		"directory": schedule.KindOf(time.Minute, nil, openDirectoryOf),
	}
}

func openAWS(s aws.Settings, _ source.Options) (source.Puller, error) { return aws.Open(s) }

// completeVSphere says whose hosts and machines they are, which vCenter does
// not know.
func completeVSphere(s *vsphere.Settings, owner source.Options) {
	if s.Region == "" {
		s.Region = owner.Region
	}
	if s.Account == "" {
		s.Account = owner.Account
	}
}

func openVSphere(s vsphere.Settings, _ source.Options) (source.Puller, error) {
	return vsphere.Open(s)
}

func openDirectoryOf(s directory.Settings, owner source.Options) (source.Puller, error) {
	return directory.Open(s, owner)
}
