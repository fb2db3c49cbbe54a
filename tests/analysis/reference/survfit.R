# Medians and intervals of the Kaplan-Meier estimate by R's survival package (here 3.5-3). Each line: delays, + where censored, in
# hundreds of steps | median, lower end, upper end. Written with: Rscript survfit.R > survfit.txt
library(survival)
set.seed(1)
for (i in 1:200) {
  n <- 1 + (i - 1) %% 12
  t <- sample(0:8, n, replace = TRUE)
  e <- rbinom(n, 1, sample(c(.3, .7, 1), 1))
  s <- summary(survfit(Surv(t, e) ~ 1, conf.type = "log-log"))$table
  cat(paste0(t, ifelse(e == 1, "", "+"), collapse = " "), "|", s[c("median", "0.95LCL", "0.95UCL")], "\n")
}
