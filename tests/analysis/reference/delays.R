# The other reference values of tests/analysis/test_delay_statistics.py, by R's survival package (3.5-3): Rscript delays.R
library(survival)
t <- c(1, 2, 2, 3, 4, 4, 5, 6, 7, 8, 8, 8)
outcome <- factor(c(1, 0, 2, 3, 1, 0, 2, 0, 1, 1, 0, 0), 0:3, c("none", "grok", "generalize", "diverged"))
fit <- survfit(Surv(t, outcome) ~ 1)
print(fit$pstate[, 2:4])
print(fit$std.err[, 2:4])
odd <- seq_len(23) %% 2
print(survdiff(Surv(time, status) ~ x + strata(odd), aml)$chisq, digits = 8)
print(summary(survreg(Surv(time, status) ~ relevel(x, "Nonmaintained") + odd, aml))$table, digits = 8)
low <- aml$time # with delays of 0 at places 1, 12 and 13, known to be below 5
high <- ifelse(aml$status == 1, aml$time, NA)
low[c(1, 12, 13)] <- NA
high[c(1, 12, 13)] <- 5
print(summary(survreg(Surv(low, high, type = "interval2") ~ relevel(aml$x, "Nonmaintained")))$table, digits = 8)
