package main

import "context"

func (s *serverProcess) loadSample(context.Context) {}
