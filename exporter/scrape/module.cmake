pgvigil_module(scrape
  SOURCES database_reader.cc database_visits.cc families_archive.cc families_cluster.cc families_failover.cc families_schedule.cc families_scrape.cc families_source.cc instance_queries.cc instance_runs.cc page.cc page_cache.cc
          query_state.cc run.cc scraper.cc
  DEPENDS observe query failover verdict archive objectstore postgres metrics cluster wal base
)
