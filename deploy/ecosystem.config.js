// pm2: one process serves the REST API (3000) and both socket protocols (3000 and 3500).
module.exports = {
  apps: [
    {
      name: "parley",
      script: "/usr/local/bin/parley",
      args: "serve",
      interpreter: "none",
      instances: 1,
      autorestart: true,
      max_memory_restart: "500M",
      min_uptime: "10s",
      max_restarts: 10,
      restart_delay: 4000,
      kill_timeout: 15000,
      merge_logs: true,
      env: { NODE_ENV: "production", DISABLE_CORS: "true" },
    },
  ],
};
