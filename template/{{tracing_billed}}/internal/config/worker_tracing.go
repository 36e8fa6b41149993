package config

func (*Tracing) ofWorker() {}
